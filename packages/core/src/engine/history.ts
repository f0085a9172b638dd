import { KinsyncError } from "../errors/error.ts";
import type { KeptContent } from "../local/kept/content-cache.ts";
import type { Content, ContentStore } from "../mapping/content-store.ts";
import { diffTrees, type Tree } from "../mapping/tree.ts";
import { hasOtherFiles, type Snapshot } from "./snapshot.ts";

/** How a snapshot came to be released: by a save, by the user's `trigger`, or by an `undo`. */
export type Origin = "save" | "trigger" | "undo";

/** One snapshot that was released, or is a candidate of a gang. */
export interface ReleasedSnapshot {
  readonly number: number;
  /** ISO 8601: when it was released; of a candidate: when it came about. */
  readonly time: string;
  readonly origin: Origin;
  /** Number of the snapshot whose files an `undo` released again. */
  readonly of?: number;
  /** Of all mappings together. */
  readonly files: number;
  readonly bytes: number;
  /** Paths that differ from the snapshot that was released before. */
  readonly changed: number;
  /** At most 20 of them, each relative to its mapping's `from`. */
  readonly paths: readonly string[];
}

interface Entry {
  readonly released: ReleasedSnapshot;
  readonly snapshot: Snapshot;
  /** False of a candidate of a gang, until every member has staged it. */
  readonly isReleased: boolean;
  /** Of an `undo`: number of the snapshot that it went back to. The next one goes further back from there. */
  readonly backTo: number | undefined;
}

/** A snapshot that an `undo` releases again. */
export interface EarlierSnapshot {
  /** Number under which it was a save. */
  readonly of: number;
  /** Its own number. */
  readonly number: number;
  readonly snapshot: Snapshot;
}

const MAX_SNAPSHOTS = 50;
/** Trees are held in memory. */
const MAX_ENTRIES = 1_000_000;
const MAX_PATHS = 20;
/** Files that a message names. */
const NAMED_FILES = 5;

/** The snapshots of a run, which of them were released, and the copies of their files. */
export class History {
  readonly #kept: KeptContent | undefined;
  readonly #signal: AbortSignal;
  /** Oldest first. */
  #entries: readonly Entry[] = [];

  /** @param signal ends the copying */
  constructor(kept: KeptContent | undefined, signal: AbortSignal) {
    this.#kept = kept;
    this.#signal = signal;
  }

  /** Oldest first. */
  get released(): readonly ReleasedSnapshot[] {
    return this.#entries.flatMap(({ released, isReleased }) => (isReleased ? released : []));
  }

  /** Those that were not released, oldest first. */
  get candidates(): readonly ReleasedSnapshot[] {
    return this.#entries.flatMap(({ released, isReleased }) => (isReleased ? [] : released));
  }

  /** Takes note of a snapshot that is to be released, and copies its files in the background. */
  add(snapshot: Snapshot, origin: Origin, earlier: EarlierSnapshot | undefined): void {
    const released = this.#describe(snapshot, origin, earlier?.of);
    const entry = { released, snapshot, isReleased: false, backTo: earlier?.number };
    this.#entries = bounded([...this.#entries, entry]);
    for (const { tree, content } of snapshot.mappings) if (tree !== undefined) this.#keep(tree, content);
  }

  /** The targets should hold it from now on. */
  release(number: number): void {
    this.#entries = this.#entries.map((entry) => {
      const { released, snapshot, isReleased } = entry;
      if (snapshot.number !== number || isReleased) return entry;
      return { ...entry, isReleased: true, released: this.#describe(snapshot, released.origin, released.of) };
    });
  }

  /** Compares it with what is released at this moment. */
  #describe(snapshot: Snapshot, origin: Origin, of: number | undefined): ReleasedSnapshot {
    const before = this.#entries.findLast(({ isReleased }) => isReleased)?.snapshot;
    const trees = treesOf(snapshot);
    const changed = snapshot.mappings.flatMap(({ mapping, tree }) => {
      const was = before?.mappings.find((each) => each.mapping.id === mapping.id)?.tree;
      return tree === undefined ? [] : diffTrees(was, tree);
    });
    return {
      number: snapshot.number,
      time: new Date().toISOString(),
      origin,
      ...(of === undefined ? {} : { of }),
      files: trees.reduce((sum, { files }) => sum + files, 0),
      bytes: trees.reduce((sum, { bytes }) => sum + bytes, 0),
      changed: changed.length,
      paths: changed.slice(0, MAX_PATHS),
    };
  }

  #keep(tree: Tree, content: ContentStore): void {
    // What was not kept is found out when it is needed: another copy of the bytes may be there by then.
    void this.#kept?.keep(filesOf(tree), content, this.#signal).catch(() => undefined);
  }

  /**
   * The snapshot that an `undo` releases.
   * @param to number of a snapshot. Default: the last released one before this whose files differ
   * @throws `KINSYNC_SNAPSHOT_UNKNOWN` where there is none; `KINSYNC_SNAPSHOT_LOST`, with the files, where their bytes are gone
   */
  earlier(to: number | undefined, now: Snapshot): EarlierSnapshot {
    const entry = to === undefined ? this.#before(now) : this.#entries.find(({ snapshot }) => snapshot.number === to);
    if (entry === undefined) throw unknownSnapshot(to, this.#entries);
    const lost = this.#lost(entry.snapshot, now);
    if (lost.length > 0) {
      const more = lost.length > NAMED_FILES ? ` and ${lost.length - NAMED_FILES} more` : "";
      throw new KinsyncError(
        "KINSYNC_SNAPSHOT_LOST",
        `snapshot ${entry.snapshot.number} cannot be released again: no copy is left of ${lost.slice(0, NAMED_FILES).join(", ")}${more}`,
        { retry: "terminal", details: { snapshot: entry.snapshot.number, files: lost } },
      );
    }
    const { number, of = number } = entry.released;
    return { of, number, snapshot: entry.snapshot };
  }

  /** A second `undo` goes one further back. */
  #before(now: Snapshot): Entry | undefined {
    const last = this.#entries.at(-1);
    const from = last?.backTo ?? last?.released.number ?? 0;
    return this.#entries.findLast(
      ({ released: { number }, snapshot, isReleased }) =>
        isReleased && number < from && hasOtherFiles(now.mappings, snapshot.mappings),
    );
  }

  /** Files of a snapshot whose bytes are neither kept nor those of a file that is released now. */
  #lost(snapshot: Snapshot, now: Snapshot): readonly string[] {
    const there = new Set(treesOf(now).flatMap((tree) => filesOf(tree).map(({ digest }) => digest)));
    return snapshot.mappings.flatMap(({ mapping, tree }) =>
      [...(tree?.entries.values() ?? [])]
        .filter((entry) => entry.type === "file" && !there.has(entry.digest) && !this.#isKept(entry))
        .map(({ path }) => (tree?.shape === "file" ? mapping.fromText : `${mapping.fromText}/${path}`)),
    );
  }

  #isKept(content: Content): boolean {
    return content.size === 0 || this.#kept?.has(content) === true;
  }
}

function bounded(entries: readonly Entry[]): readonly Entry[] {
  let first = Math.max(0, entries.length - MAX_SNAPSHOTS);
  let count = 0;
  for (let at = entries.length - 1; at >= first; at -= 1) {
    count += treesOf(entries[at]?.snapshot).reduce((sum, tree) => sum + tree.entries.size, 0);
    // The last one stays, however large it is.
    if (count > MAX_ENTRIES && at < entries.length - 1) first = at + 1;
  }
  return entries.slice(first);
}

function treesOf(snapshot: Snapshot | undefined): readonly Tree[] {
  return snapshot?.mappings.flatMap(({ tree }) => tree ?? []) ?? [];
}

function filesOf(tree: Tree): readonly Content[] {
  return [...tree.entries.values()].flatMap((entry) => (entry.type === "file" ? [entry] : []));
}

function unknownSnapshot(to: number | undefined, entries: readonly Entry[]): KinsyncError {
  const numbers = entries.map(({ snapshot }) => snapshot.number);
  const known = numbers.length === 0 ? "none was released yet" : `kept are ${numbers[0]} to ${numbers.at(-1)}`;
  return new KinsyncError(
    "KINSYNC_SNAPSHOT_UNKNOWN",
    to === undefined
      ? `there is no earlier snapshot with other files; ${known}`
      : `there is no snapshot ${to}; ${known}`,
    { retry: "terminal" },
  );
}
