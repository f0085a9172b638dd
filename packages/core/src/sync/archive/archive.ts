import type { Archive, CompressedPiece, LinkRate, PieceEncoding } from "../../contract/transport.ts";
import { isKinsyncError, KinsyncError } from "../../errors/error.ts";
import type { ContentStore } from "../../mapping/content-store.ts";
import { CompressedPieces } from "./compressed-pieces.ts";
import { Spool } from "./spool.ts";
import { tarPieces, tarSize, type PackedEntry } from "./tar.ts";

/** Bytes of one chunk. The API server reads each frame whole into memory, so small ones cost it less. */
const CHUNK_BYTES = 64 * 1024;
/** Bytes that are read from and written to the spool at once: each call costs a thread switch and back. */
const SLAB_BYTES = 16 * CHUNK_BYTES;
/** A tar up to this size is kept in memory; a larger one goes to a temporary file. */
const IN_MEMORY_BYTES = 16 * 1024 * 1024;
/** Slabs of a spooled tar that also stay in memory, for readers that are close behind. */
const RECENT_SLABS = 8;

export interface ArchiveOptions {
  /** Opens the bytes of the file entries. */
  readonly content: ContentStore;
  /** Folder for the temporary file of a large archive. Default: the system's temporary folder. */
  readonly spool?: string;
}

/** An archive that is packed once while any number of readers read it. Disposing frees its memory and its temporary file. */
export interface PackedArchive extends Required<Archive>, AsyncDisposable {
  /** Resolves when the last byte is packed, and rejects as `createArchive` describes. */
  readonly packed: Promise<void>;
}

/**
 * Packs entries into a tar whose size is known before its bytes are, so that it can be sent while it is packed.
 *
 * A failure rejects `packed` and is thrown to every reader. It is always a failure of this machine, never of a target:
 * @throws `KINSYNC_SOURCE_CHANGED` if a file no longer has the bytes that its entry names
 * @throws `KINSYNC_SOURCE_UNREADABLE` if a file cannot be read
 * @throws `KINSYNC_SOURCE_SPOOL` if the temporary folder is missing, full or not writable
 */
export function createArchive(entries: readonly PackedEntry[], options: ArchiveOptions): PackedArchive {
  return new StreamedArchive(entries, options);
}

class StreamedArchive implements PackedArchive {
  readonly size: number;
  readonly packed: Promise<void>;
  readonly #abort = new AbortController();
  readonly #memory: Uint8Array[] | undefined;
  #spool: Spool | undefined;
  readonly #recent = new Map<number, Uint8Array>();
  #written = 0;
  #done = false;
  #failure: KinsyncError | undefined;
  #wake = Promise.withResolvers<void>();
  readonly #spoolFolder: string | undefined;
  /** By what their readers can decode besides gzip. Made for the first reader that needs them. */
  readonly #pieces = new Map<PieceEncoding, CompressedPieces>();

  constructor(entries: readonly PackedEntry[], options: ArchiveOptions) {
    this.size = tarSize(entries);
    this.#spoolFolder = options.spool;
    this.#memory = this.size <= IN_MEMORY_BYTES ? [] : undefined;
    this.packed = this.#pack(entries, options);
    // Readers see the failure too; without one it must not count as unhandled.
    this.packed.catch(() => {});
  }

  async #pack(entries: readonly PackedEntry[], options: ArchiveOptions): Promise<void> {
    try {
      if (this.#memory === undefined) this.#spool = await Spool.open(this.size, options.spool);
      for await (const piece of tarPieces(entries, options.content, this.#pieceBytes, this.#abort.signal)) {
        if (this.#memory !== undefined) this.#memory.push(piece);
        else await this.#toSpool(piece);
        this.#written += piece.length;
        this.#announce();
      }
      if (this.#written !== this.size) throw new Error(`${this.#written} bytes instead of ${this.size}`);
      this.#done = true;
    } catch (error) {
      this.#failure = packError(error);
      throw this.#failure;
    } finally {
      this.#announce();
    }
  }

  get #pieceBytes(): number {
    return this.#memory === undefined ? SLAB_BYTES : CHUNK_BYTES;
  }

  #announce(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  async *chunks(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const onAbort = (): void => this.#announce();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      for (let index = 0, position = 0; position < this.size; index += 1) {
        const end = Math.min(this.size, position + this.#pieceBytes);
        while (this.#failure === undefined && !this.#done && this.#written < end && !signal.aborted) {
          await this.#wake.promise;
        }
        signal.throwIfAborted();
        if (this.#failure !== undefined) throw this.#failure;
        const piece = this.#memory?.[index] ?? (await this.#fromSpool(position));
        position += piece.length;
        for (let from = 0; from < piece.length; from += CHUNK_BYTES) yield piece.subarray(from, from + CHUNK_BYTES);
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  compressed(
    signal: AbortSignal,
    bytesPerSecond?: LinkRate,
    encodings: readonly PieceEncoding[] = [],
  ): AsyncIterable<CompressedPiece> {
    const best: PieceEncoding = encodings.includes("brotli") ? "brotli" : "gzip";
    let pieces = this.#pieces.get(best);
    if (pieces === undefined) {
      const options = { size: this.size, folder: this.#spoolFolder, best };
      this.#pieces.set(best, (pieces = new CompressedPieces((ended) => this.chunks(ended), options)));
    }
    return pieces.read(signal, bytesPerSecond);
  }

  async #toSpool(piece: Uint8Array): Promise<void> {
    await this.#spool?.write(piece, this.#written);
    this.#recent.set(this.#written, piece);
    this.#recent.delete(this.#written - RECENT_SLABS * SLAB_BYTES);
  }

  async #fromSpool(position: number): Promise<Uint8Array> {
    const recent = this.#recent.get(position);
    if (recent !== undefined) return recent;
    if (this.#spool === undefined) throw disposedError();
    return this.#spool.read(position, Math.min(SLAB_BYTES, this.size - position));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort(disposedError());
    await Promise.all([...this.#pieces.values()].map((pieces) => pieces[Symbol.asyncDispose]()));
    await this.packed.catch(() => {});
    const spool = this.#spool;
    this.#spool = undefined;
    if (this.#memory !== undefined) this.#memory.length = 0;
    this.#recent.clear();
    await spool?.[Symbol.asyncDispose]();
  }
}

/** Files and the spool throw errors of their own; what else fails is a defect in the packing. */
function packError(error: unknown): KinsyncError {
  if (isKinsyncError(error)) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new KinsyncError("KINSYNC_INTERNAL", `an archive was not packed: ${why}`, { cause: error });
}

function disposedError(): KinsyncError {
  return new KinsyncError("KINSYNC_INTERNAL", "an archive was read after it was disposed of");
}
