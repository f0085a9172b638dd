import { TarCursor } from "../../contract/tar-cursor.ts";
import type { CompressedPiece, LinkRate, PieceEncoding } from "../../contract/transport.ts";
import { EncodingChoice, type Way } from "./encoding-choice.ts";
import { encodePiece } from "./piece-encoder.ts";
import { Spool } from "./spool.ts";

/** Bytes of the tar in one piece. Larger pieces compress hardly better, and a reader can only stop between two pieces. */
const PIECE_BYTES = 1024 * 1024;
/** Bytes in the first piece; each is twice as large as the one before. The link is idle until the first one is compressed. */
const FIRST_PIECE_BYTES = 128 * 1024;
/** Pieces that are compressed before the fastest reader needs them. */
const PIECES_AHEAD = 3;
/** Compressed bytes up to this size stay in memory; what follows goes to a temporary file. */
const IN_MEMORY_BYTES = 16 * 1024 * 1024;

export interface CompressedPiecesOptions {
  /** Of the whole archive. */
  readonly size: number;
  /** For a temporary file. Default: the system's temporary folder. */
  readonly folder: string | undefined;
  /** What all readers can decode besides gzip, if it is not gzip. */
  readonly best: PieceEncoding;
}

interface StoredPiece extends Omit<CompressedPiece, "bytes"> {
  /** The bytes themselves, or where the spool has them. */
  readonly stored: Uint8Array | { readonly position: number; readonly length: number };
}

/** Compresses an archive once, at the pace of its fastest reader, for any number of readers. Disposing frees memory and file. */
export class CompressedPieces implements AsyncDisposable {
  readonly #size: number;
  readonly #folder: string | undefined;
  readonly #best: PieceEncoding;
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

  constructor(chunks: (signal: AbortSignal) => AsyncIterable<Uint8Array>, options: CompressedPiecesOptions) {
    this.#size = options.size;
    this.#folder = options.folder;
    this.#best = options.best;
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

  get #way(): Way {
    return { bytesPerSecond: this.#slowestLink(), readers: this.#links.size };
  }

  async #pump(chunks: (signal: AbortSignal) => AsyncIterable<Uint8Array>): Promise<void> {
    const { signal } = this.#abort;
    const cursor = new TarCursor();
    let parts: Uint8Array[] = [];
    let filled = 0;
    let pieceBytes = FIRST_PIECE_BYTES;
    const choice = new EncodingChoice(this.#best);
    for await (const chunk of chunks(signal)) {
      parts.push(chunk);
      filled += chunk.length;
      this.#total += chunk.length;
      cursor.push(chunk);
      if (filled < pieceBytes && this.#total < this.#size) continue;
      while (this.#pieces.length >= this.#requested + PIECES_AHEAD && !signal.aborted) await this.#wake.promise;
      signal.throwIfAborted();
      const bytes = Buffer.concat(parts);
      const way = this.#way;
      const encoding = choice.next(way);
      const packed = encoding === undefined ? undefined : await encode({ bytes, encoding, choice, way });
      const piece = { size: bytes.length, isGzip: packed !== undefined && encoding === "gzip", entries: cursor.whole };
      if (packed === undefined || encoding === undefined) await this.#store(bytes, piece);
      else await this.#store(packed, { ...piece, encoding });
      parts = [];
      filled = 0;
      pieceBytes = Math.min(2 * pieceBytes, PIECE_BYTES);
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

interface EncodeOptions {
  readonly bytes: Uint8Array;
  readonly encoding: PieceEncoding;
  readonly choice: EncodingChoice;
  readonly way: Way;
}

/** @returns `undefined` if the bytes hardly become smaller */
async function encode({ bytes, encoding, choice, way }: EncodeOptions): Promise<Uint8Array | undefined> {
  const begunAtMs = performance.now();
  const packed = await encodePiece(bytes, encoding, way);
  const sample = { bytes: bytes.length, packedBytes: packed.length, ms: performance.now() - begunAtMs };
  return choice.note(encoding, sample, way) ? packed : undefined;
}
