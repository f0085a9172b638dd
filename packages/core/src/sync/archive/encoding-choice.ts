import type { PieceEncoding } from "../../contract/transport.ts";
import { CompressionSpeed, type CompressionSample } from "./compression-speed.ts";

/** A piece that becomes smaller by less than this share is sent as it is. */
const MIN_SAVING = 0.03;
/**
 * After such a piece, this many pieces are not tried: the content is packed already, and compression costs the most there. After a piece
 * whose compression would take longer than it saves, so many follow without it, too: the next one measures again.
 */
const SKIPPED_PIECES = 7;
/** Of a smaller piece, most of the time is the way to the thread that compresses it, and back. */
const MIN_MEASURED_BYTES = 1024 * 1024;

/** What is known of brotli before it was measured: bytes that it takes in a second, and the size of what it makes as a share of gzip's. */
const BROTLI_BYTES_PER_SECOND = 15_000_000;
const BROTLI_SHARE = 0.8;
/** Brotli has to be so much faster than gzip, since all of this is estimated. */
const MIN_ADVANTAGE = 1.1;

/** The way of the pieces to their readers. */
export interface Way {
  /** What the slowest of the links carries; `undefined` if one was not measured. */
  readonly bytesPerSecond: number | undefined;
  /** They share this machine's way to the API server. */
  readonly readers: number;
}

/** Chooses the encoding that brings the pieces of an archive to their readers first. The first piece is always tried with gzip. */
export class EncodingChoice {
  readonly #best: PieceEncoding;
  readonly #gzip = new CompressionSpeed();
  readonly #brotli = new CompressionSpeed();
  /** Size of the last piece, or what it would be with gzip, as a share of the size before. */
  #gzipShare: number | undefined;
  #skip = 0;

  constructor(best: PieceEncoding) {
    this.#best = best;
  }

  /** Encoding of the next piece; `undefined`: it stays as it is. */
  next(way: Way): PieceEncoding | undefined {
    if (this.#skip > 0) {
      this.#skip -= 1;
      return undefined;
    }
    return this.#best === "brotli" && this.#isBrotliFaster(way) ? "brotli" : "gzip";
  }

  /** Takes a measurement. @returns whether the piece is sent as it was compressed */
  note(encoding: PieceEncoding, sample: CompressionSample, way: Way): boolean {
    const share = sample.packedBytes / sample.bytes;
    this.#gzipShare = encoding === "gzip" ? share : share / BROTLI_SHARE;
    const isSmaller = share < 1 - MIN_SAVING;
    const speed = encoding === "gzip" ? this.#gzip : this.#brotli;
    if (isSmaller && sample.bytes >= MIN_MEASURED_BYTES) speed.note(sample);
    if (!isSmaller || (encoding === "gzip" && !speed.paysOver(way.bytesPerSecond, way.readers))) {
      this.#skip = SKIPPED_PIECES;
    }
    return isSmaller;
  }

  /** Compared by the time between two bytes of the tar at the readers: the link's, or this machine's where that is longer. */
  #isBrotliFaster({ bytesPerSecond, readers }: Way): boolean {
    if (bytesPerSecond === undefined || this.#gzipShare === undefined) return false;
    const gzipSeconds = (this.#gzipShare * readers) / bytesPerSecond;
    const machineSeconds = 1 / (this.#brotli.bytesPerSecond ?? BROTLI_BYTES_PER_SECOND);
    return Math.max(machineSeconds, gzipSeconds * BROTLI_SHARE) * MIN_ADVANTAGE < gzipSeconds;
  }
}
