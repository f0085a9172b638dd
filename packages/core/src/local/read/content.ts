import { hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import {
  checkedChunks,
  sourceChanged,
  sourceUnreadable,
  type Content,
  type ContentStore,
} from "../../mapping/content-store.ts";
import { openFlags } from "./digest.ts";
import { filePieces } from "./file-pieces.ts";
import { hasCode, isMissing } from "./system-error.ts";

/** Where a file of the source is on this machine. */
export interface LocalFile {
  readonly absolute: string;
  /** Whether to follow a link: `true` for the path in the config, `false` for paths in a folder. */
  readonly follow: boolean;
}

export interface LocalContentOptions {
  /** Where the file of a tree path is. */
  readonly locate: (path: string) => LocalFile;
  /**
   * Called when a file no longer holds exactly the bytes that its tree entry names, so that the source scans it again.
   * @param isServed the file has grown, and its beginning still holds the bytes
   */
  readonly onStale: (path: string, isServed: boolean) => void;
}

/** Files up to this size are read in one synchronous call: ten times cheaper than a stream each. */
const WHOLE_BYTES = 256 * 1024;
/** How many digests of earlier trees keep their path. More than that at once is a branch switch, after which older batches are outdated. */
const PAST_DIGESTS = 1024;
/** The path is now a folder, a link, a pipe or nothing at all. */
const NOT_A_FILE = ["ENOENT", "ENOTDIR", "ELOOP", "EISDIR", "ENXIO", "EAGAIN"] as const;

/**
 * The bytes of one local source, by digest. It holds the paths of the current tree, and those of recent trees as long as no
 * other file has the same bytes, so that a batch under way can still read a file that has been ignored since.
 *
 * A file that has grown since, such as a log, still begins with the bytes that its entry names. If their digest is right, they are
 * served, so a file that grows all the time delays no batch.
 */
export class LocalContent implements ContentStore {
  readonly #options: LocalContentOptions;
  /** Paths of the current tree. Few digests have several, so a set is made for those only. */
  readonly #current = new Map<string, string | Set<string>>();
  /** Oldest first. */
  readonly #past = new Map<string, string>();

  constructor(options: LocalContentOptions) {
    this.#options = options;
  }

  /** Records that the file at a path has this content. */
  add(path: string, { digest, size }: Content): void {
    if (size === 0) return;
    this.#past.delete(digest);
    const before = this.#current.get(digest);
    if (before === undefined) this.#current.set(digest, path);
    else if (typeof before !== "string") before.add(path);
    else if (before !== path) this.#current.set(digest, new Set([before, path]));
  }

  /** Records that the file at a path no longer has this content. */
  remove(path: string, { digest }: Content): void {
    const before = this.#current.get(digest);
    if (before === undefined) return;
    if (typeof before !== "string") {
      before.delete(path);
      if (before.size > 0) return;
    } else if (before !== path) return;
    this.#current.delete(digest);
    this.#past.set(digest, path);
    for (const oldest of this.#past.keys()) {
      if (this.#past.size <= PAST_DIGESTS) break;
      this.#past.delete(oldest);
    }
  }

  open(content: Content, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return content.size <= WHOLE_BYTES ? this.#whole(content, signal) : this.#pieces(content, signal);
  }

  pathOf({ digest }: Content): string | undefined {
    const [path] = this.#pathsOf(digest);
    return path === undefined ? undefined : this.#options.locate(path).absolute;
  }

  async *#whole(content: Content, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    signal.throwIfAborted();
    if (content.size === 0) return;
    yield await this.#firstOf(content, (file, path) => {
      const read = readWhole(file, content.size);
      const bytes = read.subarray(0, content.size);
      if (bytes.length !== content.size || hash("sha256", bytes) !== content.digest) {
        throw sourceChanged(file.absolute, "its bytes are different");
      }
      if (read.length > content.size) this.#options.onStale(path, true);
      return bytes;
    });
  }

  async *#pieces(content: Content, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    signal.throwIfAborted();
    await using opened = await this.#firstOf(content, async (file, path) => {
      const handle = await open(file.absolute, openFlags(file.follow));
      const stats = await handle.stat().catch(async (error: unknown) => {
        await handle.close();
        throw error;
      });
      if (!stats.isFile() || stats.size < content.size) {
        await handle.close();
        throw sourceChanged(file.absolute, stats.isFile() ? "it has shrunk" : "it is no longer a file");
      }
      return { handle, path, file, hasGrown: stats.size > content.size, [Symbol.asyncDispose]: () => handle.close() };
    });
    const { handle, path, file, hasGrown } = opened;
    try {
      yield* checkedChunks(filePieces(handle, content.size, signal), content, file.absolute);
      if (hasGrown) this.#options.onStale(path, true);
    } catch (error) {
      signal.throwIfAborted();
      throw this.#failure(error, path, file);
    }
  }

  /** Reads from the first file that has the content. The error is that of the first file that was tried. */
  async #firstOf<T>(content: Content, read: (file: LocalFile, path: string) => T | Promise<T>): Promise<T> {
    let failure: unknown;
    for (const path of this.#pathsOf(content.digest)) {
      const file = this.#options.locate(path);
      try {
        return await read(file, path);
      } catch (error) {
        const named = this.#failure(error, path, file);
        failure ??= named;
      }
    }
    throw failure ?? sourceChanged(`content ${content.digest}`, "no file has these bytes");
  }

  #pathsOf(digest: string): readonly string[] {
    const paths = this.#current.get(digest) ?? this.#past.get(digest);
    return paths === undefined ? [] : typeof paths === "string" ? [paths] : [...paths];
  }

  #failure(error: unknown, path: string, file: LocalFile): Error {
    const named = hasCode(error, ...NOT_A_FILE)
      ? sourceChanged(file.absolute, isMissing(error) ? "it was removed" : "it is no longer a file")
      : sourceUnreadable(file.absolute, error);
    if (named.code === "KINSYNC_SOURCE_CHANGED") this.#options.onStale(path, false);
    return named;
  }
}

/** At most one byte more than `size`: enough to see that a file grew. */
function readWhole({ absolute, follow }: LocalFile, size: number): Buffer {
  const file = openSync(absolute, openFlags(follow));
  try {
    const bytes = Buffer.allocUnsafe(size + 1);
    let length = 0;
    // A regular file returns all requested bytes or all that it has; a network file system may need a second read.
    while (length < size) {
      const count = readSync(file, bytes, length, bytes.length - length, null);
      if (count === 0) break;
      length += count;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}
