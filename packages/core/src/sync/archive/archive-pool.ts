import { createHash } from "node:crypto";
import type { Archive, BatchEntry } from "../../contract/transport.ts";
import type { ContentStore } from "../../mapping/content-store.ts";
import { untilAborted } from "../../time/deadline.ts";
import { createArchive, type PackedArchive } from "./archive.ts";
import type { PackedEntry } from "./tar.ts";

/** How long an archive outlives its last reader: the next target's plan is often a moment behind. */
const LINGER_MS = 1_000;
/** Up to this size an archive is packed whole before its first byte is sent, so that a changed file costs no transfer. */
const PACK_FIRST_BYTES = 1024 * 1024;

/** A share in an archive. Disposing returns the share. */
export interface ArchiveLease extends Disposable {
  readonly archive: Archive;
}

interface Shared {
  readonly archive: PackedArchive;
  readers: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Packs each distinct difference once, however many targets need it. Two differences are the same if they have the same paths,
 * modes and digests; where the bytes lie does not count, so mappings and workloads with equal files share an archive.
 */
export class ArchivePool implements AsyncDisposable {
  readonly #shared = new Map<string, Shared>();
  /** All archives that are not disposed of yet, failed ones included. */
  readonly #all = new Set<Shared>();
  readonly #spool: string | undefined;

  /** @param options.spool folder for the temporary files of large archives. Default: the system's temporary folder. */
  constructor(options: { readonly spool?: string } = {}) {
    this.#spool = options.spool;
  }

  /**
   * An archive of those entries that are part of a tar. After a failure the next call packs again.
   * @param content opens the bytes of the file entries
   * @param signal ends the wait for a small archive
   * @throws as `createArchive`. Archives above 1 MiB throw to their readers instead.
   */
  async lease(
    entries: readonly BatchEntry[],
    content: ContentStore,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<ArchiveLease> {
    const { packed, key } = contentOf(entries);
    let shared = this.#shared.get(key);
    if (shared === undefined) {
      const options = this.#spool === undefined ? { content } : { content, spool: this.#spool };
      const made: Shared = { archive: createArchive(packed, options), readers: 0, timer: undefined };
      this.#shared.set(key, made);
      this.#all.add(made);
      // The next attempt must read the files again.
      made.archive.packed.catch(() => this.#forget(key, made));
      shared = made;
    }
    const mine = shared;
    clearTimeout(mine.timer);
    mine.readers += 1;
    const release = (): void => {
      mine.readers -= 1;
      if (mine.readers > 0) return;
      mine.timer = setTimeout(() => void this.#drop(key, mine), LINGER_MS);
      mine.timer.unref();
    };
    try {
      if (mine.archive.size <= PACK_FIRST_BYTES) await untilAborted(mine.archive.packed, signal);
    } catch (error) {
      release();
      throw error;
    }
    return { archive: mine.archive, [Symbol.dispose]: release };
  }

  #forget(key: string, shared: Shared): void {
    if (this.#shared.get(key) === shared) this.#shared.delete(key);
  }

  async #drop(key: string, shared: Shared): Promise<void> {
    if (shared.readers > 0) return;
    this.#forget(key, shared);
    this.#all.delete(shared);
    await shared.archive[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#all];
    this.#all.clear();
    this.#shared.clear();
    for (const shared of all) clearTimeout(shared.timer);
    await Promise.all(all.map((shared) => shared.archive[Symbol.asyncDispose]()));
  }
}

/** What a batch puts into its archive. */
interface PackedContent {
  readonly packed: readonly PackedEntry[];
  readonly key: string;
}

/** By batch: targets that share a batch share this, too. */
const contents = new WeakMap<readonly BatchEntry[], PackedContent>();

function contentOf(entries: readonly BatchEntry[]): PackedContent {
  let content = contents.get(entries);
  if (content === undefined) {
    const packed = entries.filter(isPacked);
    contents.set(entries, (content = { packed, key: keyOf(packed) }));
  }
  return content;
}

function isPacked(entry: BatchEntry): entry is PackedEntry {
  return entry.op === "file" || entry.op === "directory" || entry.op === "link";
}

/** Characters that are hashed at once: each call costs as much as thousands of them. */
const HASHED_CHARACTERS = 64 * 1024;

function keyOf(entries: readonly PackedEntry[]): string {
  const hash = createHash("sha256");
  let text = "";
  for (const entry of entries) {
    const content = entry.op === "file" ? entry.digest : entry.op === "link" ? entry.target : "";
    text += `${entry.op}\0${entry.path}\0${entry.op === "link" ? "" : entry.mode}\0${content}\0`;
    if (text.length < HASHED_CHARACTERS) continue;
    hash.update(text);
    text = "";
  }
  return hash.update(text).digest("hex");
}
