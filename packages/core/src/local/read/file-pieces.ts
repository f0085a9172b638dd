import type { FileHandle } from "node:fs/promises";

/** Each read costs a thread switch. */
const PIECE_BYTES = 1024 * 1024;

/**
 * The bytes of an open file, from its beginning, in pieces of at most 1 MiB. It does not close the file, and is not a stream of Node: one
 * that gets a signal which has aborted already emits an error that nobody can catch.
 * @param limitBytes it reads no more than that
 * @param signal ends the reading with its reason
 */
export async function* filePieces(
  handle: FileHandle,
  limitBytes: number,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  for (let position = 0; position < limitBytes;) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, limitBytes - position));
    const { bytesRead } = await handle.read(piece, 0, piece.length, position);
    signal?.throwIfAborted();
    if (bytesRead === 0) return;
    position += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}
