import { KinsyncError } from "../errors/error.ts";
import type { Batch, BatchEntry } from "./batch.ts";
import { TarCursor } from "./tar-cursor.ts";

/** Some bytes of one file of a batch. */
export interface ArchivePart {
  /** The file that the bytes belong to. */
  readonly entry: BatchEntry & { readonly op: "file" };
  /** Shared with other readers: do not change them. */
  readonly bytes: Uint8Array;
  /** These are the last bytes of the file. */
  readonly isLast: boolean;
}

/**
 * Reads the files of a batch from its archive, one after the other in the order of the batch, each in one or more parts: for transports
 * that have no tar on the other side. Reads the archive only as fast as the caller takes the parts.
 * @throws the archive's errors; `KINSYNC_INTERNAL` where it does not contain a file of the batch
 */
export async function* readArchive(
  batch: Pick<Batch, "archive" | "entries">,
  signal: AbortSignal,
): AsyncGenerator<ArchivePart, void, undefined> {
  const members = batch.entries.filter(({ op }) => op === "file" || op === "directory" || op === "link");
  const found: { readonly member: number; readonly bytes: Uint8Array }[] = [];
  const cursor = new TarCursor((member, bytes) => found.push({ member, bytes }));
  let current = -1;
  let received = 0;
  for await (const chunk of batch.archive.chunks(signal)) {
    cursor.push(chunk);
    for (const { member, bytes } of found.splice(0)) {
      if (member !== current) received = 0;
      current = member;
      received += bytes.length;
      const entry = members[member];
      const size = entry?.op === "file" ? entry.size : 0;
      if (entry === undefined || received > size) throw unexpected(entry);
      if (entry.op === "file") yield { entry, bytes, isLast: received === size };
    }
  }
  const missing = members[cursor.whole];
  if (missing !== undefined) throw unexpected(missing);
}

function unexpected(entry: BatchEntry | undefined): KinsyncError {
  const what = entry === undefined ? "has more files than the batch" : `does not hold ${entry.path} of the batch`;
  return new KinsyncError("KINSYNC_INTERNAL", `the archive of a batch ${what}`);
}
