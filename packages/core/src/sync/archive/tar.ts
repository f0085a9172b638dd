import { setImmediate as nextTurn } from "node:timers/promises";
import { pack, type Pack } from "tar-stream";
import type { BatchEntry } from "../../contract/transport.ts";
import { sourceChanged, sourceUnreadable, type ContentStore } from "../../mapping/content-store.ts";

/** The entries of a batch that are part of its tar. */
export type PackedEntry = Extract<BatchEntry, { op: "file" | "directory" | "link" }>;

/** Files up to this size are handed to `tar-stream` in one piece: ten times cheaper than a stream each. */
const WHOLE_BYTES = 256 * 1024;
const TAR_BLOCK_BYTES = 512;
/** Small files are read without a pause for so long; then others have their turn: targets that answer, and what is packed already. */
const SLICE_MS = 2;

/**
 * The tar of the entries, in pieces of exactly `pieceBytes`, except for the last one. It reads ahead by a few chunks only.
 * Ending the iteration early ends the reading of files.
 * @throws `KINSYNC_SOURCE_CHANGED` or `KINSYNC_SOURCE_UNREADABLE` if a file's bytes are not what its entry names; the signal's reason
 */
export async function* tarPieces(
  entries: readonly PackedEntry[],
  content: ContentStore,
  pieceBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ended = new AbortController();
  const tar = pack();
  // A store may be slow to notice the signal; the packing does not wait for it.
  const onAbort = (): void => tar.destroy(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  const feeding = feed(tar, entries, content, AbortSignal.any([signal, ended.signal]));
  feeding.catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))));
  let piece = Buffer.allocUnsafe(pieceBytes);
  let filled = 0;
  try {
    for await (const part of tar as AsyncIterable<Buffer>) {
      for (let from = 0; from < part.length;) {
        const size = Math.min(part.length - from, pieceBytes - filled);
        part.copy(piece, filled, from, from + size);
        filled += size;
        from += size;
        if (filled === pieceBytes) {
          yield piece;
          piece = Buffer.allocUnsafe(pieceBytes);
          filled = 0;
        }
      }
    }
    await feeding;
  } finally {
    signal.removeEventListener("abort", onAbort);
    ended.abort();
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

async function feed(
  tar: Pack,
  entries: readonly PackedEntry[],
  content: ContentStore,
  signal: AbortSignal,
): Promise<void> {
  let sliceEnd = performance.now() + SLICE_MS;
  for (const entry of entries) {
    if (performance.now() >= sliceEnd) {
      await nextTurn();
      sliceEnd = performance.now() + SLICE_MS;
    }
    signal.throwIfAborted();
    if (entry.op !== "file") {
      await added((done) => tar.entry(header(entry), done));
    } else if (entry.size <= WHOLE_BYTES) {
      const bytes = entry.size === 0 ? Buffer.alloc(0) : await readWhole(entry, content, signal);
      await added((done) => tar.entry(header(entry), bytes, done));
    } else {
      await streamFile(tar, entry, content, signal);
    }
  }
  tar.finalize();
}

function added(start: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error === undefined || error === null ? resolve() : reject(error)));
  });
}

type PackedFile = PackedEntry & { op: "file" };

async function readWhole(entry: PackedFile, content: ContentStore, signal: AbortSignal): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of chunksOf(entry, content, signal)) chunks.push(chunk);
  const [first] = chunks;
  if (first === undefined || chunks.length > 1) return Buffer.concat(chunks);
  return Buffer.from(first.buffer, first.byteOffset, first.byteLength);
}

async function streamFile(tar: Pack, entry: PackedFile, content: ContentStore, signal: AbortSignal): Promise<void> {
  const finished = Promise.withResolvers<void>();
  const sink = tar.entry({ ...header(entry), size: entry.size }, (error) =>
    error === undefined || error === null ? finished.resolve() : finished.reject(error),
  );
  finished.promise.catch(() => {});
  // A destroyed tar destroys its sink; that failure arrives through `finished` and through the tar itself.
  sink.on("error", () => {});
  for await (const chunk of chunksOf(entry, content, signal)) {
    if (!sink.write(chunk)) await drained(sink, signal);
  }
  sink.end(undefined);
  await finished.promise;
}

/** A sink whose tar was destroyed never drains, so the signal ends the wait too. */
async function drained(sink: ReturnType<Pack["entry"]>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = (): void => resolve();
  sink.once("drain", wake);
  signal.addEventListener("abort", wake, { once: true });
  if (!signal.aborted) await promise;
  sink.removeListener("drain", wake);
  signal.removeEventListener("abort", wake);
  signal.throwIfAborted();
}

/** The bytes of a file: exactly as many as its header announces. The store vouches for their digest. */
async function* chunksOf(
  entry: PackedFile,
  content: ContentStore,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  let size = 0;
  try {
    for await (const chunk of content.open(entry, signal)) {
      size += chunk.length;
      if (size > entry.size) break;
      yield chunk;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw sourceUnreadable(entry.path, error);
  }
  if (size !== entry.size) throw sourceChanged(entry.path, size > entry.size ? "it has grown" : "it has shrunk");
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

/**
 * ustar holds 100 ASCII bytes of a name without splitting it; every other name goes into a pax header. Decided here instead of
 * by `tar-stream`, so that the size is known in advance.
 */
function needsPax(entry: PackedEntry): boolean {
  if (Buffer.byteLength(entry.path) > 100 || Buffer.byteLength(entry.path) !== entry.path.length) return true;
  return entry.op === "link" && Buffer.byteLength(entry.target) > 100;
}

/** Size of the whole tar in bytes, by the rule that `tar-stream` packs by. */
export function tarSize(entries: readonly PackedEntry[]): number {
  let size = 2 * TAR_BLOCK_BYTES;
  for (const entry of entries) {
    size += TAR_BLOCK_BYTES;
    if (entry.op === "file") size += wholeBlocks(entry.size);
    if (needsPax(entry)) {
      const records = paxRecord("path", entry.path) + (entry.op === "link" ? paxRecord("linkpath", entry.target) : 0);
      size += TAR_BLOCK_BYTES + wholeBlocks(records);
    }
  }
  return size;
}

/** Bytes of ` key=value\n` with its own length in decimal in front, which counts itself. */
function paxRecord(key: string, value: string): number {
  const body = Buffer.byteLength(` ${key}=${value}\n`);
  let digits = String(body).length;
  if (String(body + digits).length > digits) digits += 1;
  return body + digits;
}

function wholeBlocks(bytes: number): number {
  return Math.ceil(bytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
}
