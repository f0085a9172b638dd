import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { mkdtemp, open, rm, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack, type Pack } from "tar-stream";
import type { Archive, BatchEntry } from "../../contract/transport.ts";
import { KinsyncError } from "../../errors/error.ts";

/** Bytes in one chunk. Small frames are kinder to the API server, which reads each whole into memory. */
const CHUNK = 64 * 1024;
/** Bytes that are read from and written to files at once: each time costs a change of threads and back. */
const SLAB = 16 * CHUNK;
/** A tar up to this size is kept in memory; a larger one is spooled to a temporary file. */
const IN_MEMORY = 16 * 1024 * 1024;
/** Slabs of a spooled tar that are also kept in memory, for readers that are close behind. */
const RECENT = 8;
/** Files up to this size are read in one go: ten times cheaper than a stream each. */
const WHOLE = 256 * 1024;
const BLOCK = 512;

/** The entries of a batch that have a place in its tar. */
export type PackedEntry = Extract<BatchEntry, { op: "file" | "directory" | "link" }>;

export interface ArchiveOptions {
  /** Absolute local path of a file entry's bytes. */
  readonly sourceOf: (path: string) => string;
  /** Folder for the spool of a large archive. Default: the system's temporary folder. */
  readonly spool?: string;
}

/** An archive that is packed while it is read, once, however many sinks read it. Disposing of it frees memory and spool. */
export interface PackedArchive extends Archive, AsyncDisposable {
  /** Settles when the last byte is packed, or with the failure: a file changed meanwhile, or cannot be read. */
  readonly packed: Promise<void>;
}

/**
 * Packs entries into a tar whose size is known before its bytes are: it can be sent while it is packed.
 * @throws `KINSYNC_SOURCE_UNREADABLE` (by `packed` and by every reader) where a file is no longer what the tree says
 */
export function createArchive(entries: readonly PackedEntry[], options: ArchiveOptions): PackedArchive {
  const size = tarSize(entries);
  return new StreamedArchive(entries, size, options);
}

class StreamedArchive implements PackedArchive {
  readonly size: number;
  readonly packed: Promise<void>;
  readonly #abort = new AbortController();
  readonly #memory: Uint8Array[] | undefined;
  #spool: { readonly file: FileHandle; readonly folder: string } | undefined;
  readonly #recent = new Map<number, Uint8Array>();
  #written = 0;
  #done = false;
  #failure: unknown;
  #wake = Promise.withResolvers<void>();

  constructor(entries: readonly PackedEntry[], size: number, options: ArchiveOptions) {
    this.size = size;
    this.#memory = size <= IN_MEMORY ? [] : undefined;
    this.packed = this.#pack(entries, options);
    // A reader sees the failure too; without one it must not count as unhandled.
    this.packed.catch(() => {});
  }

  async #pack(entries: readonly PackedEntry[], options: ArchiveOptions): Promise<void> {
    try {
      if (this.#memory === undefined) {
        const folder = await mkdtemp(join(options.spool ?? tmpdir(), "kinsync-"));
        this.#spool = { folder, file: await open(join(folder, "archive.tar"), "wx+", 0o600) };
      }
      for await (const piece of tarPieces(entries, options, this.#pieceSize, this.#abort.signal)) {
        if (this.#memory !== undefined) this.#memory.push(piece);
        else await this.#toSpool(piece);
        this.#written += piece.length;
        this.#announce();
      }
      if (this.#written !== this.size) {
        throw new KinsyncError(
          "KINSYNC_INTERNAL",
          `an archive came out at ${this.#written} bytes instead of ${this.size}`,
        );
      }
      this.#done = true;
    } catch (error) {
      this.#failure = error;
      throw error;
    } finally {
      this.#announce();
    }
  }

  get #pieceSize(): number {
    return this.#memory === undefined ? SLAB : CHUNK;
  }

  #announce(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  async *chunks(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    for (let index = 0, position = 0; position < this.size; index += 1) {
      const end = Math.min(this.size, position + this.#pieceSize);
      while (this.#failure === undefined && !this.#done && this.#written < end) {
        await this.#wake.promise;
      }
      if (this.#failure !== undefined) throw this.#failure;
      signal.throwIfAborted();
      const piece = this.#memory?.[index] ?? (await this.#fromSpool(position));
      position += piece.length;
      for (let from = 0; from < piece.length; from += CHUNK) yield piece.subarray(from, from + CHUNK);
    }
  }

  async #toSpool(piece: Uint8Array): Promise<void> {
    await this.#spool?.file.write(piece, 0, piece.length, this.#written);
    this.#recent.set(this.#written, piece);
    this.#recent.delete(this.#written - RECENT * SLAB);
  }

  async #fromSpool(position: number): Promise<Uint8Array> {
    const recent = this.#recent.get(position);
    if (recent !== undefined) return recent;
    if (this.#spool === undefined)
      throw new KinsyncError("KINSYNC_INTERNAL", "an archive was read after it was disposed of");
    const length = Math.min(SLAB, this.size - position);
    const { buffer, bytesRead } = await this.#spool.file.read(Buffer.allocUnsafe(length), 0, length, position);
    if (bytesRead !== length) {
      throw new KinsyncError("KINSYNC_INTERNAL", `the spool of an archive gave ${bytesRead} of ${length} bytes`);
    }
    return buffer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.packed.catch(() => {});
    const spool = this.#spool;
    this.#spool = undefined;
    if (this.#memory !== undefined) this.#memory.length = 0;
    this.#recent.clear();
    if (spool === undefined) return;
    await spool.file.close();
    await rm(spool.folder, { recursive: true, force: true });
  }
}

/** The tar in pieces of exactly `length` bytes, but for the last. */
async function* tarPieces(
  entries: readonly PackedEntry[],
  options: ArchiveOptions,
  length: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const tar = pack();
  const feeding = feed(tar, entries, options, signal);
  feeding.catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))));
  let whole = Buffer.allocUnsafe(length);
  let filled = 0;
  for await (const part of tar as AsyncIterable<Buffer>) {
    for (let from = 0; from < part.length;) {
      const size = Math.min(part.length - from, length - filled);
      part.copy(whole, filled, from, from + size);
      filled += size;
      from += size;
      if (filled === length) {
        yield whole;
        whole = Buffer.allocUnsafe(length);
        filled = 0;
      }
    }
  }
  await feeding;
  if (filled > 0) yield whole.subarray(0, filled);
}

async function feed(
  tar: Pack,
  entries: readonly PackedEntry[],
  options: ArchiveOptions,
  signal: AbortSignal,
): Promise<void> {
  for (const entry of entries) {
    signal.throwIfAborted();
    if (entry.op !== "file") {
      await added((done) => tar.entry(header(entry), done));
      continue;
    }
    const source = options.sourceOf(entry.path);
    if (entry.size <= WHOLE) {
      const bytes = readWhole(source, entry);
      await added((done) => tar.entry(header(entry), bytes, done));
    } else {
      await streamFile(tar, entry, source, signal);
    }
  }
  tar.finalize();
}

function added(start: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error === undefined || error === null ? resolve() : reject(error)));
  });
}

function readWhole(source: string, entry: PackedEntry & { op: "file" }): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(source);
  } catch (error) {
    throw unreadable(source, "it cannot be read", error);
  }
  if (bytes.length !== entry.size || createHash("sha256").update(bytes).digest("hex") !== entry.digest) {
    throw unreadable(source, "it changed while it was being packed");
  }
  return bytes;
}

async function streamFile(
  tar: Pack,
  entry: PackedEntry & { op: "file" },
  source: string,
  signal: AbortSignal,
): Promise<void> {
  const hash = createHash("sha256");
  let size = 0;
  const finished = Promise.withResolvers<void>();
  const sink = tar.entry({ ...header(entry), size: entry.size }, (error) =>
    error === undefined || error === null ? finished.resolve() : finished.reject(error),
  );
  finished.promise.catch(() => {});
  // Destroyed with the tar; the failure goes the way of `finished` and of the tar itself.
  sink.on("error", () => {});
  try {
    for await (const piece of createReadStream(source, { highWaterMark: SLAB, signal }) as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > entry.size) throw unreadable(source, "it grew while it was being packed");
      hash.update(piece);
      if (!sink.write(piece)) await new Promise<void>((resolve) => sink.once("drain", resolve));
    }
  } catch (error) {
    throw error instanceof KinsyncError ? error : unreadable(source, "it cannot be read", error);
  }
  if (size !== entry.size || hash.digest("hex") !== entry.digest) {
    throw unreadable(source, "it changed while it was being packed");
  }
  sink.end(undefined);
  await finished.promise;
}

function unreadable(source: string, why: string, cause?: unknown): KinsyncError {
  return new KinsyncError("KINSYNC_SOURCE_UNREADABLE", `${source}: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: "Nothing to do where a program is writing it: it is packed again when it settles.",
  });
}

interface TarHeader {
  name: string;
  mode: number;
  mtime: Date;
  uid: number;
  gid: number;
  type: "file" | "directory" | "symlink";
  linkname?: string;
  pax?: Record<string, string>;
}

function header(entry: PackedEntry): TarHeader {
  const common = { name: entry.path, mtime: new Date(0), uid: 0, gid: 0, ...(needsPax(entry) ? { pax: {} } : {}) };
  if (entry.op === "link") return { ...common, type: "symlink", mode: 0o777, linkname: entry.target };
  return { ...common, type: entry.op, mode: entry.mode };
}

/** ustar holds 100 ASCII bytes of a name without splitting it; all else goes into a pax header. Decided here, so that sizes are known. */
function needsPax(entry: PackedEntry): boolean {
  if (Buffer.byteLength(entry.path) > 100 || Buffer.byteLength(entry.path) !== entry.path.length) return true;
  return entry.op === "link" && Buffer.byteLength(entry.target) > 100;
}

/** Size of the whole tar, by the rule that `tar-stream` packs by. */
function tarSize(entries: readonly PackedEntry[]): number {
  let size = 2 * BLOCK;
  for (const entry of entries) {
    size += BLOCK;
    if (entry.op === "file") size += blocks(entry.size);
    if (needsPax(entry)) {
      const records = paxRecord("path", entry.path) + (entry.op === "link" ? paxRecord("linkpath", entry.target) : 0);
      size += BLOCK + blocks(records);
    }
  }
  return size;
}

/** Bytes of ` key=value\n` with the decimal length in front that counts itself. */
function paxRecord(key: string, value: string): number {
  const body = Buffer.byteLength(` ${key}=${value}\n`);
  let digits = String(body).length;
  if (String(body + digits).length > digits) digits += 1;
  return body + digits;
}

function blocks(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}
