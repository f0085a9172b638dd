import { createHash } from "node:crypto";
import type { Archive, BatchEntry } from "../../contract/transport.ts";
import { createArchive, type ArchiveOptions, type PackedArchive, type PackedEntry } from "./archive.ts";

/** Milliseconds that an archive outlives its last reader: the next target's plan is often a moment behind. */
const LINGER = 1_000;
/** Below this many bytes an archive is packed in whole before the first byte is sent, so that a changed file costs no session. */
const PACK_FIRST = 1024 * 1024;

/** A share in an archive; disposing of it gives the share back. */
export interface ArchiveLease extends Disposable {
  readonly archive: Archive;
}

interface Shared {
  readonly archive: PackedArchive;
  readers: number;
  timer: NodeJS.Timeout | undefined;
}

/** Packs each distinct difference once, however many targets need it. */
export class ArchivePool implements AsyncDisposable {
  readonly #shared = new Map<string, Shared>();
  /** All that are not disposed of yet, those that failed among them. */
  readonly #all = new Set<Shared>();
  readonly #spool: string | undefined;

  constructor(options: { readonly spool?: string } = {}) {
    this.#spool = options.spool;
  }

  /**
   * An archive of the entries that have bytes or a name to carry.
   * @throws `KINSYNC_SOURCE_UNREADABLE` where a file is no longer what the tree says (large archives tell their readers instead)
   */
  async lease(entries: readonly BatchEntry[], sourceOf: ArchiveOptions["sourceOf"]): Promise<ArchiveLease> {
    const packed = entries.filter(isPacked);
    const key = keyOf(packed);
    let shared = this.#shared.get(key);
    if (shared === undefined) {
      const options = this.#spool === undefined ? { sourceOf } : { sourceOf, spool: this.#spool };
      const made: Shared = { archive: createArchive(packed, options), readers: 0, timer: undefined };
      this.#shared.set(key, made);
      this.#all.add(made);
      // The next attempt must read the files anew.
      made.archive.packed.catch(() => this.#forget(key, made));
      shared = made;
    }
    const mine = shared;
    clearTimeout(mine.timer);
    mine.readers += 1;
    const release = (): void => {
      mine.readers -= 1;
      if (mine.readers > 0) return;
      mine.timer = setTimeout(() => void this.#drop(key, mine), LINGER);
      mine.timer.unref();
    };
    try {
      if (mine.archive.size <= PACK_FIRST) await mine.archive.packed;
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

function isPacked(entry: BatchEntry): entry is PackedEntry {
  return entry.op === "file" || entry.op === "directory" || entry.op === "link";
}

function keyOf(entries: readonly PackedEntry[]): string {
  const hash = createHash("sha256");
  for (const entry of entries) {
    const content = entry.op === "file" ? entry.digest : entry.op === "link" ? entry.target : "";
    hash.update(`${entry.op}\0${entry.path}\0${entry.op === "link" ? "" : entry.mode}\0${content}\0`);
  }
  return hash.digest("hex");
}
