import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { TarCursor } from "../../contract/tar-cursor.ts";
import type { CompressedPiece, LinkRate } from "../../contract/transport.ts";
import { CompressionSpeed } from "./compression-speed.ts";
import { Spool } from "./spool.ts";

const gzipAsync = promisify(gzip);

/** Bytes of the tar in one piece. Larger pieces compress hardly better, and a reader can only stop between two pieces. */
const PIECE_BYTES = 1024 * 1024;
/** Bytes in the first piece; each is twice as large as the one before. The link is idle until the first one is compressed. */
const FIRST_PIECE_BYTES = 128 * 1024;
/** As tar and curl use it. */
const GZIP_LEVEL = 6;
/** Half as fast, and 1 % smaller: for a link that carries no more than `SLOW_BYTES_PER_SECOND`. */
const SLOW_GZIP_LEVEL = 9;
const SLOW_BYTES_PER_SECOND = 2_000_000;
/** The output of one piece fits: with zlib's 16 KiB, each 16 KiB would wait for a turn of the event loop, which is busy while files are packed. */
const GZIP_OUTPUT_BYTES = PIECE_BYTES + 64 * 1024;
/** A piece that gzip makes smaller by less than this share is sent as it is. */
const MIN_SAVING = 0.03;
/**
 * After such a piece, this many pieces are not tried: the content is packed already, and compression costs the most there. After a piece
 * whose compression would take longer than it saves, so many follow without it, too: the next one measures again.
 */
const SKIPPED_PIECES = 7;
/** Pieces that are compressed before the fastest reader needs them. */
const PIECES_AHEAD = 3;
/** Compressed bytes up to this size stay in memory; what follows goes to a temporary file. */
const IN_MEMORY_BYTES = 16 * 1024 * 1024;

interface StoredPiece extends Omit<CompressedPiece, "bytes"> {
  /** The bytes themselves, or where the spool has them. */
  readonly stored: Uint8Array | { readonly position: number; readonly length: number };
}

/** Compresses an archive once, at the pace of its fastest reader, for any number of readers. Disposing frees memory and file. */
export class CompressedPieces implements AsyncDisposable {
  readonly #size: number;
  readonly #folder: string | undefined;
  readonly #abort = new AbortController();
  readonly #pieces: StoredPiece[] = [];
  readonly #pumped: Promise<void>;
  /** Of those who read now. */
  readonly #links = new Set<{ readonly bytesPerSecond: LinkRate }>();
  /** Number of pieces that the fastest reader has requested. */
  #requested = 0;
  #compressed = 0;
  #total = 0;
  #spool: Spool | undefined;
  #failure: { readonly error: unknown } | undefined;
  #wake = Promise.withResolvers<void>();

  /**
   * @param size of the whole archive
   * @param folder for a temporary file. Default: the system's temporary folder
   */
  constructor(chunks: (signal: AbortSignal) => AsyncIterable<Uint8Array>, size: number, folder: string | undefined) {
    this.#size = size;
    this.#folder = folder;
    this.#pumped = this.#pump(chunks).catch((error: unknown) => {
      this.#failure = { error };
      this.#announce();
    });
  }

  /** @param bytesPerSecond of `Archive.compressed` */
  read(signal: AbortSignal, bytesPerSecond: LinkRate = unmeasured): AsyncGenerator<CompressedPiece, void, undefined> {
    const link = { bytesPerSecond };
    this.#links.add(link);
    return this.#read(signal, () => this.#links.delete(link));
  }

  async *#read(signal: AbortSignal, onEnd: () => void): AsyncGenerator<CompressedPiece, void, undefined> {
    const onAbort = (): void => this.#announce();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      for (let index = 0, position = 0; position < this.#size; index += 1) {
        if (index >= this.#requested) {
          this.#requested = index + 1;
          this.#announce();
        }
        while (this.#pieces[index] === undefined && this.#failure === undefined && !signal.aborted) {
          await this.#wake.promise;
        }
        signal.throwIfAborted();
        const piece = this.#pieces[index];
        // Readers get every piece that exists, and then the failure.
        if (piece === undefined) throw this.#failure?.error;
        const { stored, ...rest } = piece;
        yield { ...rest, bytes: stored instanceof Uint8Array ? stored : await this.#fromSpool(stored) };
        position += piece.size;
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      onEnd();
    }
  }

  /** The slowest link of the readers; `undefined` without readers, and if one of the links was not measured. */
  #slowestLink(): number | undefined {
    if (this.#links.size === 0) return undefined;
    let slowest = Infinity;
    for (const { bytesPerSecond } of this.#links) {
      const rate = bytesPerSecond();
      if (rate === undefined) return undefined;
      slowest = Math.min(slowest, rate);
    }
    return slowest;
  }

  get #level(): number {
    return (this.#slowestLink() ?? Infinity) <= SLOW_BYTES_PER_SECOND ? SLOW_GZIP_LEVEL : GZIP_LEVEL;
  }

  async #pump(chunks: (signal: AbortSignal) => AsyncIterable<Uint8Array>): Promise<void> {
    const { signal } = this.#abort;
    const cursor = new TarCursor();
    let parts: Uint8Array[] = [];
    let filled = 0;
    let skip = 0;
    let pieceBytes = FIRST_PIECE_BYTES;
    const speed = new CompressionSpeed();
    for await (const chunk of chunks(signal)) {
      parts.push(chunk);
      filled += chunk.length;
      this.#total += chunk.length;
      cursor.push(chunk);
      if (filled < pieceBytes && this.#total < this.#size) continue;
      pieceBytes = Math.min(2 * pieceBytes, PIECE_BYTES);
      while (this.#pieces.length >= this.#requested + PIECES_AHEAD && !signal.aborted) await this.#wake.promise;
      signal.throwIfAborted();
      const bytes = Buffer.concat(parts);
      let packed: Uint8Array | undefined;
      if (skip > 0) skip -= 1;
      else {
        const begunAtMs = performance.now();
        // Only the bytes themselves are kept, not the room for them.
        const tried = Buffer.from(
          await gzipAsync(bytes, { level: this.#level, memLevel: 9, chunkSize: GZIP_OUTPUT_BYTES }),
        );
        const ms = performance.now() - begunAtMs;
        if (tried.length < bytes.length * (1 - MIN_SAVING)) packed = tried;
        // Of a small piece, most of the time is the way to the thread that compresses it, and back.
        if (packed !== undefined && bytes.length >= PIECE_BYTES)
          speed.note({ bytes: bytes.length, packedBytes: packed.length, ms });
        if (packed === undefined || !speed.paysOver(this.#slowestLink(), this.#links.size)) skip = SKIPPED_PIECES;
      }
      await this.#store(packed ?? bytes, {
        size: bytes.length,
        isGzip: packed !== undefined,
        entries: cursor.whole,
      });
      parts = [];
      filled = 0;
    }
  }

  async #store(bytes: Uint8Array, piece: Omit<CompressedPiece, "bytes">): Promise<void> {
    let stored: StoredPiece["stored"] = bytes;
    if (this.#compressed + bytes.length > IN_MEMORY_BYTES) {
      this.#spool ??= await Spool.open(this.#size, this.#folder);
      stored = { position: this.#compressed, length: bytes.length };
      await this.#spool.write(bytes, stored.position);
    }
    this.#compressed += bytes.length;
    this.#pieces.push({ ...piece, stored });
    this.#announce();
  }

  async #fromSpool({ position, length }: { readonly position: number; readonly length: number }): Promise<Uint8Array> {
    const spool = this.#spool;
    if (spool === undefined) throw this.#abort.signal.reason;
    return spool.read(position, length);
  }

  #announce(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.#announce();
    await this.#pumped;
    this.#pieces.length = 0;
    const spool = this.#spool;
    this.#spool = undefined;
    await spool?.[Symbol.asyncDispose]();
  }
}

function unmeasured(): undefined {
  return undefined;
}
