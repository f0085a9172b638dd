import type { FileHandle } from "node:fs/promises";

/** Each read costs a thread switch. */
const PIECE_BYTES = 1024 * 1024;

/**
 * The bytes of an open file, from its beginning, in pieces of at most 1 MiB. While the caller works on one, the next one is read. It does
 * not close the file, and no read of it is under way when it has ended. It is not a stream of Node: one that gets a signal which has
 * aborted already emits an error that nobody can catch.
 * @param limitBytes it reads no more than that
 * @param signal ends the reading with its reason
 */
export async function* filePieces(
  handle: FileHandle,
  limitBytes: number,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  let position = 0;
  let next = readPiece(handle, position, limitBytes);
  try {
    while (position < limitBytes) {
      const piece = await next;
      signal?.throwIfAborted();
      if (piece.length === 0) return;
      position += piece.length;
      if (position < limitBytes) next = readPiece(handle, position, limitBytes);
      yield piece;
    }
  } finally {
    // A caller that stopped early does not need its result.
    await Promise.allSettled([next]);
  }
}

/** Its failure counts only where it is awaited. */
function readPiece(handle: FileHandle, position: number, limitBytes: number): Promise<Buffer> {
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, limitBytes - position));
  const read = handle.read(piece, 0, piece.length, position).then(({ bytesRead }) => piece.subarray(0, bytesRead));
  read.catch(() => undefined);
  return read;
}
