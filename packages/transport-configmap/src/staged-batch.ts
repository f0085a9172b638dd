import { KinsyncError, readArchive, type Batch, type Stage } from "@kinsync/core/contract";
import { sha256 } from "./data-object.ts";
import { MAX_DATA_BYTES } from "./source-kind.ts";

/** A batch whose bytes are read into memory and verified: at most as many as an object holds. */
export class StagedBatch implements Stage {
  readonly batch: Batch;
  readonly files: Promise<ReadonlyMap<string, Buffer>>;
  readonly ready: Promise<void>;
  isDiscarded = false;

  constructor(batch: Batch, files: Promise<ReadonlyMap<string, Buffer>>) {
    this.batch = batch;
    this.files = files;
    this.ready = files.then(() => undefined);
    // `commit` rejects with the same failure: a caller need not await `ready`.
    this.ready.catch(() => undefined);
  }
}

/**
 * Reads all files of a batch, and compares their digests.
 * @throws the archive's errors; `KINSYNC_TRANSPORT_CANNOT` for more bytes than any object holds, before any of them is read
 */
export async function readFiles(batch: Batch, signal: AbortSignal): Promise<ReadonlyMap<string, Buffer>> {
  let bytes = 0;
  for (const entry of batch.entries) if (entry.op === "file") bytes += entry.size;
  if (bytes > MAX_DATA_BYTES) {
    const message = `${batch.root.path} would get ${bytes} bytes in one change, and an object holds ${MAX_DATA_BYTES}`;
    throw new KinsyncError("KINSYNC_TRANSPORT_CANNOT", message);
  }
  const files = new Map<string, Buffer>();
  let parts: Uint8Array[] = [];
  for await (const { entry, bytes: part, isLast } of readArchive(batch, signal)) {
    parts.push(part);
    if (!isLast) continue;
    const value = Buffer.concat(parts);
    parts = [];
    if (sha256(value) !== entry.digest) {
      throw new KinsyncError("KINSYNC_TARGET_LOST", `the bytes of ${entry.path} did not arrive complete`);
    }
    files.set(entry.path, value);
  }
  return files;
}
