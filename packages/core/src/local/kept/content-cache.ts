import { createHash, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { chmod, copyFile, lstat, mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { KinsyncError } from "../../errors/error.ts";
import { filePieces } from "../read/file-pieces.ts";
import { checkedChunks, sourceChanged, type Content, type ContentStore } from "../../mapping/content-store.ts";

/** Limits of the copies. */
export interface CacheLimits {
  /** Bytes of all copies together. Default: 1 GiB. */
  readonly maxBytes?: number;
  /** Number of copies. Default: 100,000. */
  readonly maxFiles?: number;
  /** A larger file is not kept. Default: 256 MiB. */
  readonly maxFileBytes?: number;
}

export interface ContentCacheOptions extends CacheLimits {
  /** Absolute. Made with mode 0700 where it is missing. */
  readonly folder: string;
}

/** Keeps the bytes of files by digest, so that an earlier state of the files can be sent again. */
export interface KeptContent extends ContentStore {
  has(content: Content): boolean;
  /**
   * Copies the bytes of files that it does not have. Copies that were used before this call make room, the oldest first.
   * @returns the files that were not kept: too large, no room, or their bytes no longer exist
   */
  keep(contents: Iterable<Content>, from: ContentStore, signal: AbortSignal): Promise<readonly Content[]>;
}

interface Copy {
  readonly size: number;
  /** Milliseconds since 1970. */
  usedAt: number;
}

const MIB = 1024 * 1024;
const DEFAULTS = { maxBytes: 1024 * MIB, maxFiles: 100_000, maxFileBytes: 256 * MIB };
/** An unfinished copy of a process that was killed. */
const ABANDONED_MS = 3_600_000;
const TEMPORARY = "new-";
const DIGEST = /^[0-9a-f]{64}$/;

/** Copies of files on disk, in a folder that only the user reads. Several processes may use one folder. */
export class ContentCache implements KeptContent {
  readonly #folder: string;
  readonly #limits: Required<CacheLimits>;
  readonly #copies = new Map<string, Copy>();
  #bytes = 0;
  /** Calls of `keep` run one after the other, once the copies of earlier processes are known. */
  #turn: Promise<unknown>;

  private constructor({ folder, ...limits }: ContentCacheOptions) {
    this.#folder = folder;
    this.#limits = { ...DEFAULTS, ...limits };
    this.#turn = this.#load().catch(() => undefined);
  }

  /**
   * Opens a folder. Copies of earlier processes are found in the background.
   * @throws `KINSYNC_SOURCE_UNREADABLE` where the folder cannot be made or belongs to somebody else
   */
  static async open(options: ContentCacheOptions): Promise<ContentCache> {
    await secureFolder(options.folder);
    return new ContentCache(options);
  }

  async #load(): Promise<void> {
    for (const [digest, { size, usedAt }] of await copiesIn(this.#folder)) this.#add({ digest, size }, usedAt);
  }

  has({ digest, size }: Content): boolean {
    return size === 0 || this.#copies.has(digest);
  }

  async *open({ digest, size }: Content, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    signal.throwIfAborted();
    if (size === 0) return;
    try {
      await using handle = await open(this.#pathOf(digest), constants.O_RDONLY);
      yield* checkedChunks(filePieces(handle, size + 1, signal), { digest, size }, `the copy of ${digest}`);
    } catch (error) {
      signal.throwIfAborted();
      // Another process made room, or somebody changed the copy: it is worth nothing.
      await this.#remove(digest);
      throw sourceChanged(`the copy of ${digest}`, error instanceof Error ? error.message : "it cannot be read");
    }
  }

  keep(contents: Iterable<Content>, from: ContentStore, signal: AbortSignal): Promise<readonly Content[]> {
    const kept = this.#turn.then(() => this.#keepAll(contents, from, signal));
    this.#turn = kept.catch(() => undefined);
    return kept;
  }

  async #keepAll(contents: Iterable<Content>, from: ContentStore, signal: AbortSignal): Promise<readonly Content[]> {
    const since = Date.now();
    const missing: Content[] = [];
    const absent: Content[] = [];
    for (const content of contents) {
      if (content.size === 0) continue;
      // It becomes a path.
      if (!DIGEST.test(content.digest)) throw new TypeError(`not a sha256 in hex: ${content.digest}`);
      const copy = this.#copies.get(content.digest);
      if (copy === undefined) absent.push(content);
      else copy.usedAt = since;
    }
    for (const content of absent) {
      if (signal.aborted) return [...missing, ...absent.slice(absent.indexOf(content))];
      if (this.#copies.has(content.digest)) continue;
      if (!(await this.#makeRoom(content, since)) || !(await this.#copy(content, from, signal))) missing.push(content);
      else this.#add(content, since);
    }
    return missing;
  }

  #add({ digest, size }: Content, usedAt: number): void {
    this.#copies.set(digest, { size, usedAt });
    this.#bytes += size;
  }

  /** @param since copies that were used from then on stay */
  async #makeRoom({ size }: Content, since: number): Promise<boolean> {
    const { maxBytes, maxFiles, maxFileBytes } = this.#limits;
    const isFull = (): boolean => this.#bytes + size > maxBytes || this.#copies.size + 1 > maxFiles;
    if (size > maxFileBytes || size > maxBytes) return false;
    if (!isFull()) return true;
    const oldest = [...this.#copies]
      .filter(([, { usedAt }]) => usedAt < since)
      .sort(([, a], [, b]) => a.usedAt - b.usedAt);
    for (const [digest] of oldest) {
      if (!isFull()) return true;
      await this.#remove(digest);
    }
    return !isFull();
  }

  async #copy(content: Content, from: ContentStore, signal: AbortSignal): Promise<boolean> {
    const temporary = join(this.#folder, `${TEMPORARY}${process.pid}-${randomUUID()}`);
    try {
      if (!(await this.#clone(content, from, temporary))) await write(temporary, from.open(content, signal), content);
      const path = this.#pathOf(content.digest);
      await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
      await rename(temporary, path);
      return true;
    } catch {
      // The file changed meanwhile, the disk is full, or the folder is gone: without this copy, nothing else fails.
      await rm(temporary, { force: true }).catch(() => undefined);
      return false;
    }
  }

  /** A copy that shares its blocks with the file takes no room on the disk. */
  async #clone(content: Content, from: ContentStore, temporary: string): Promise<boolean> {
    const path = from.pathOf?.(content);
    if (path === undefined) return false;
    try {
      await copyFile(path, temporary, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    } catch {
      // The file system has no such copies, the folder is on another one, or the file is gone.
      return false;
    }
    await chmod(temporary, 0o600);
    if (await hasContent(temporary, content)) return true;
    await rm(temporary, { force: true });
    return false;
  }

  async #remove(digest: string): Promise<void> {
    const copy = this.#copies.get(digest);
    if (copy !== undefined) this.#bytes -= copy.size;
    this.#copies.delete(digest);
    await rm(this.#pathOf(digest), { force: true }).catch(() => undefined);
  }

  #pathOf(digest: string): string {
    return join(this.#folder, digest.slice(0, 2), digest);
  }

  /** Waits for copies under way, and writes down when copies were used, for the next process. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    const now = Date.now();
    for (const [digest, { usedAt }] of this.#copies) {
      if (now - usedAt < ABANDONED_MS)
        await utimes(this.#pathOf(digest), now / 1000, usedAt / 1000).catch(() => undefined);
    }
  }
}

async function secureFolder(folder: string): Promise<void> {
  const refuse = (why: string, cause?: unknown): never => {
    throw new KinsyncError("KINSYNC_SOURCE_UNREADABLE", `${folder} cannot keep copies of files: ${why}`, {
      hint: "Remove this folder, or set XDG_CACHE_HOME to a folder of your own. Without it, kinsync cannot undo.",
      ...(cause === undefined ? {} : { cause }),
    });
  };
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const stats = await lstat(folder);
    if (!stats.isDirectory()) refuse("it is not a folder");
    // Windows has no users here.
    if (process.getuid !== undefined && stats.uid !== process.getuid()) refuse("it belongs to another user");
    if ((stats.mode & 0o077) !== 0) await chmod(folder, 0o700);
  } catch (error) {
    if (error instanceof KinsyncError) throw error;
    refuse(error instanceof Error ? error.message : String(error), error);
  }
}

async function copiesIn(folder: string): Promise<Map<string, Copy>> {
  const copies = new Map<string, Copy>();
  for (const name of await readdir(folder)) {
    if (name.startsWith(TEMPORARY)) {
      const stats = await stat(join(folder, name)).catch(() => undefined);
      if (stats !== undefined && Date.now() - stats.mtimeMs > ABANDONED_MS)
        await rm(join(folder, name), { force: true });
      continue;
    }
    for (const digest of await readdir(join(folder, name)).catch(() => [])) {
      const stats = await lstat(join(folder, name, digest)).catch(() => undefined);
      if (stats?.isFile() === true && DIGEST.test(digest))
        copies.set(digest, { size: stats.size, usedAt: stats.mtimeMs });
    }
  }
  return copies;
}

async function write(path: string, chunks: AsyncIterable<Uint8Array>, content: Content): Promise<void> {
  await using handle = await open(path, "wx", 0o600);
  for await (const chunk of checkedChunks(chunks, content, path)) await handle.appendFile(chunk);
}

async function hasContent(path: string, { digest, size }: Content): Promise<boolean> {
  await using handle = await open(path, constants.O_RDONLY);
  const sum = createHash("sha256");
  let length = 0;
  for await (const piece of filePieces(handle, size + 1)) {
    length += piece.length;
    sum.update(piece);
  }
  return length === size && sum.digest("hex") === digest;
}
