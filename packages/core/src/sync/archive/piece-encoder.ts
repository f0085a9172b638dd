import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { PieceEncoding } from "../../contract/transport.ts";
import type { Way } from "./encoding-choice.ts";

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

/** As tar and curl use it. */
const GZIP_LEVEL = 6;
/** Half as fast, and 1 % smaller: for a link that carries no more than `SLOW_BYTES_PER_SECOND`. */
const SLOW_GZIP_LEVEL = 9;
const SLOW_BYTES_PER_SECOND = 2_000_000;
/** Almost as fast as gzip, and 20 % smaller. Higher ones need far more time for a few percent. */
const BROTLI_QUALITY = 5;
/** A window of a whole piece. */
const BROTLI_WINDOW_BITS = 20;
/** The output of one piece fits: with zlib's 16 KiB, each 16 KiB would wait for a turn of the event loop, which is busy while files are packed. */
const OUTPUT_BYTES = 1024 * 1024 + 64 * 1024;

/** Compresses a piece for a link that carries so much, outside of this thread. */
export async function encodePiece(bytes: Uint8Array, encoding: PieceEncoding, way: Way): Promise<Uint8Array> {
  const packed =
    encoding === "gzip"
      ? await gzipAsync(bytes, { level: gzipLevel(way), memLevel: 9, chunkSize: OUTPUT_BYTES })
      : await brotliAsync(bytes, { params: brotliParams(bytes.length), chunkSize: OUTPUT_BYTES });
  // Only the bytes themselves are kept, not the room for them.
  return Buffer.from(packed);
}

/** A link that was not measured is far, or its pieces would not be compressed: it may be slow, and only the first pieces meet it. */
function gzipLevel({ bytesPerSecond = 0 }: Way): number {
  return bytesPerSecond <= SLOW_BYTES_PER_SECOND ? SLOW_GZIP_LEVEL : GZIP_LEVEL;
}

function brotliParams(size: number): Record<number, number> {
  return {
    [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: BROTLI_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: size,
  };
}
