import type { Archive, CompressedPiece } from "./batch.ts";

/** The same archive in all its forms, whose parts pass through a function while they are read. `bytes`: of the tar in a part. */
export function wrapArchive(
  archive: Archive,
  through: <T>(parts: AsyncIterable<T>, bytes: (part: T) => number, signal: AbortSignal) => AsyncIterable<T>,
): Archive {
  const chunks = (signal: AbortSignal): AsyncIterable<Uint8Array> =>
    through(archive.chunks(signal), (chunk) => chunk.length, signal);
  if (archive.compressed === undefined) return { size: archive.size, chunks };
  return {
    size: archive.size,
    chunks,
    compressed: (signal, ...reader) =>
      through<CompressedPiece>(archive.compressed?.(signal, ...reader) ?? NOTHING, (piece) => piece.size, signal),
  };
}

/** An archive does not lose a form that it had. */
const NOTHING: AsyncIterable<never> = {
  async *[Symbol.asyncIterator]() {},
};
