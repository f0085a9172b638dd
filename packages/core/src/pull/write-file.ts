import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import type { PulledFile } from "../contract/pull.ts";
import type { KnownFile } from "./known-file.ts";
import { InTheWay, type LocalFolder } from "./local-folder.ts";

export interface WriteFileOptions {
  readonly folder: LocalFolder;
  readonly local: string;
  readonly file: PulledFile;
  /** What the request said that this machine has. */
  readonly known: KnownFile | undefined;
  readonly executable: boolean;
  readonly overwrite: boolean;
  readonly signal: AbortSignal;
  /** @param received of the file, up to now */
  readonly onBytes: (count: number, received: number) => void;
}

const COPY_BYTES = 256 * 1024;

/**
 * Writes a file as it arrives, under a name of its own, checks its digest and gives it its name. A part of it stays where the bytes end
 * early. Returns false, and keeps nothing, where its bytes are not those of one moment.
 */
export async function writeFile(options: WriteFileOptions): Promise<boolean> {
  const { folder, local, file, known, executable, overwrite, signal, onBytes } = options;
  const isResumed = known?.isPart === true && file.offset > 0;
  const handle = isResumed ? await folder.openPart(local) : await folder.createPart(local);
  if (handle === undefined) throw new InTheWay("another program");
  const hash = known !== undefined && file.offset > 0 ? known.hash() : createHash("sha256");
  try {
    if (isResumed) await handle.truncate(file.offset);
    else if (file.offset > 0) await copyStart(folder, local, handle, file.offset);
    let at = file.offset;
    for await (const chunk of file.chunks) {
      signal.throwIfAborted();
      await writeAll(handle, chunk, at);
      hash.update(chunk);
      at += chunk.length;
      onBytes(chunk.length, at);
    }
    if (at === file.size && file.digest() === hash.digest("hex")) {
      if (executable) await makeExecutable(handle);
    } else {
      await folder.dropPart(local);
      return false;
    }
  } finally {
    await handle.close();
  }
  await folder.finish(local, { overwrite });
  return true;
}

/** The file begins with the bytes of the local file of its name. */
async function copyStart(folder: LocalFolder, local: string, to: FileHandle, size: number): Promise<void> {
  const from = await folder.read(local);
  if (from === undefined) throw new InTheWay("another program");
  try {
    const chunk = Buffer.allocUnsafe(COPY_BYTES);
    for (let at = 0; at < size;) {
      // oxlint-disable-next-line no-await-in-loop -- one piece after the other
      const { bytesRead } = await from.read(chunk, 0, Math.min(chunk.length, size - at), at);
      if (bytesRead === 0) throw new InTheWay("another program");
      // oxlint-disable-next-line no-await-in-loop -- one piece after the other
      await writeAll(to, chunk.subarray(0, bytesRead), at);
      at += bytesRead;
    }
  } finally {
    await from.close();
  }
}

async function writeAll(handle: FileHandle, data: Uint8Array, at: number): Promise<void> {
  for (let written = 0; written < data.length;) {
    // oxlint-disable-next-line no-await-in-loop -- a write may be short
    const { bytesWritten } = await handle.write(data, written, data.length - written, at + written);
    written += bytesWritten;
  }
}

/** For those who may read it. */
async function makeExecutable(handle: FileHandle): Promise<void> {
  const { mode } = await handle.stat();
  await handle.chmod((mode & 0o666) | ((mode & 0o444) >> 2));
}
