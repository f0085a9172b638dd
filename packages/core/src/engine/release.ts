import type { ReleaseMode } from "../contract/config.ts";
import { asKinsyncError, type KinsyncError } from "../errors/error.ts";
import type { KeptContent } from "../local/kept/content-cache.ts";
import { diffTrees, type Tree } from "../mapping/tree.ts";
import { History, type EarlierSnapshot, type Origin, type ReleasedSnapshot } from "./history.ts";
import { keptFiles } from "./kept-files.ts";
import { selectedChanges, treeWith } from "./selected-changes.ts";
import { hasOtherFiles, nextSnapshot, type LocalState, type MappingSnapshot, type Snapshot } from "./snapshot.ts";

/** Why newer local files are not released by themselves. */
export type HoldReason = "manual" | "paused" | "undone";

/** Local changes that are not released. */
export interface PendingChanges {
  readonly why: HoldReason;
  /** Paths that differ from the released snapshot. */
  readonly changed: number;
  /** Each as a local path: `src/app.py`. At most 20. */
  readonly paths: readonly string[];
}

export interface ReleaseOptions {
  readonly mode: ReleaseMode;
  /** Copies of files of earlier snapshots. `undefined`: nothing is kept, and what has changed since cannot be released again. */
  readonly kept: KeptContent | undefined;
  /** Another snapshot is released. It has the same number where only halts and content stores differ. */
  readonly onRelease: (
    snapshot: Snapshot,
    previous: Snapshot | undefined,
    origin: Origin,
    of: number | undefined,
  ) => void;
  /** `pending` differs. */
  readonly onPending: () => void;
  /** The targets do not hold the newest snapshot, and may need the bytes of an earlier one. Default: they get it at once. */
  readonly isBehind?: () => boolean;
  /** Ends the copying of files. */
  readonly signal: AbortSignal;
}

const MAX_PATHS = 20;
const NOTHING: Snapshot = { number: 0, mappings: [] };

/** Decides which snapshot the targets should hold now, and is the only one that numbers them. */
export class Release {
  readonly #options: ReleaseOptions;
  readonly #history: History;
  #local: LocalState | undefined;
  #current: Snapshot | undefined;
  #isPaused = false;
  #isUndone = false;
  /** What was made of the local files of one mapping, so that equal ones stay equal. */
  readonly #made = new WeakMap<MappingSnapshot, MappingSnapshot>();

  constructor(options: ReleaseOptions) {
    this.#options = options;
    this.#history = new History(options.kept, options.signal);
  }

  /** The snapshot that every target should hold; `undefined` before the first. */
  get current(): Snapshot | undefined {
    return this.#current;
  }

  /** What targets should hold, or should have held. Oldest first. */
  get history(): readonly ReleasedSnapshot[] {
    return this.#history.released;
  }

  /** Snapshots that a gang did not release, or not yet. Oldest first. */
  get candidates(): readonly ReleasedSnapshot[] {
    return this.#history.candidates;
  }

  /** A snapshot that was decided here is what targets should hold from now on: at once, or when every member of a gang has staged it. */
  released(number: number): void {
    this.#history.release(number);
  }

  /** `undefined` where the newest local files are released. */
  get pending(): PendingChanges | undefined {
    const why = this.held;
    if (why === undefined) return undefined;
    const paths = this.#changes().flatMap(({ mapping: { fromText }, paths: changed, tree: { shape } }) =>
      changed.map((path) => (shape === "file" ? fromText : `${fromText}/${path}`)),
    );
    return paths.length === 0 ? undefined : { why, changed: paths.length, paths: paths.slice(0, MAX_PATHS) };
  }

  /** Why newer files are not released by themselves; also where there are none. */
  get held(): HoldReason | undefined {
    if (this.#isPaused) return "paused";
    if (this.#isUndone) return "undone";
    return this.#options.mode === "manual" ? "manual" : undefined;
  }

  /** Takes the newest local files. The first ones are released in any mode: there is nothing else that targets could hold. */
  offer(local: LocalState): void {
    const before = this.#local;
    this.#local = local;
    const isSave = hasOtherFiles(before, local);
    const endsUndo = this.#endsUndo(before, local);
    if (endsUndo) this.#isUndone = false;
    if (this.#current === undefined || this.held === undefined) {
      this.#publish(
        local.map((each) => this.#make(each)),
        "save",
      );
      if (endsUndo) this.#options.onPending();
      return;
    }
    // Files that are not released wait; that nothing may be sent is true at once.
    const halts = new Map(local.map(({ mapping, halted }) => [mapping.id, halted]));
    const released = this.#current.mappings.map((each) => {
      const halted = halts.get(each.mapping.id);
      return each.halted === halted ? each : { ...each, halted };
    });
    this.#publish(released, "save");
    if (isSave) this.#options.onPending();
  }

  /** Whether these local files would be released at once. */
  isReleasing(local: LocalState): boolean {
    return this.#current === undefined || this.held === undefined || this.#endsUndo(this.#local, local);
  }

  #endsUndo(before: LocalState | undefined, local: LocalState): boolean {
    return this.#isUndone && hasOtherFiles(before, local) && this.#options.mode === "auto" && !this.#isPaused;
  }

  /**
   * Releases the newest local files, whatever holds them. A pause continues.
   * @param files absolute local paths: only these, and what is below them; the rest waits on. Default: all
   * @returns the number of the new snapshot; `undefined` where nothing was pending
   */
  trigger(files: readonly string[] | undefined): number | undefined {
    if (this.#local === undefined || this.#current === undefined) return undefined;
    const changes = this.#changes();
    const selected = files === undefined ? undefined : selectedChanges(changes, files);
    if (changes.length === 0 || selected?.size === 0) return undefined;
    if (files === undefined) this.#isUndone = false;
    const current = this.#current;
    const next = this.#local.map((each) => {
      const paths = selected?.get(each.mapping.id);
      if (selected === undefined) return this.#make(each);
      const released = current.mappings.find(({ mapping }) => mapping.id === each.mapping.id);
      if (paths === undefined || released?.tree === undefined || each.tree === undefined)
        return released ?? this.#make(each);
      return this.#compose(each, treeWith(released.tree, each.tree, paths), [released]);
    });
    this.#publish(next, "trigger");
    this.#options.onPending();
    return this.#current.number;
  }

  /** Why `undo` would throw; `undefined` where it would not. Releases nothing. */
  undoProblem(to: number | undefined): KinsyncError | undefined {
    try {
      this.#history.earlier(to, this.#current ?? NOTHING);
      return undefined;
    } catch (error) {
      return asKinsyncError(error, "undo");
    }
  }

  /**
   * Releases the files of an earlier snapshot as a new one. It holds until the next save, in mode `manual` until `trigger`.
   * @param to number of a released snapshot. Default: the one before
   * @returns the number of the new snapshot, and of the one whose files it has
   * @throws `KINSYNC_SNAPSHOT_UNKNOWN`, `KINSYNC_SNAPSHOT_LOST`
   */
  undo(to: number | undefined): { readonly snapshot: number; readonly of: number } {
    const current = this.#current ?? NOTHING;
    const restored = this.#history.earlier(to, current);
    const { of, snapshot } = restored;
    this.#isUndone = true;
    const mappings = current.mappings.map((each) => {
      const earlier = snapshot.mappings.find(({ mapping }) => mapping.id === each.mapping.id);
      if (earlier?.tree === undefined || earlier.tree.digest === each.tree?.digest) return each;
      return this.#compose({ ...each, isIgnored: earlier.isIgnored }, earlier.tree, [earlier]);
    });
    this.#publish(mappings, "undo", restored);
    this.#options.onPending();
    return { snapshot: this.#current?.number ?? 0, of };
  }

  /** Holds newer files until `resume`. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#options.onPending();
  }

  /** Releases what collected since `pause`; in mode `manual` it stays pending. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.held === undefined && this.#local !== undefined) {
      this.#publish(
        this.#local.map((each) => this.#make(each)),
        "save",
      );
    }
    this.#options.onPending();
  }

  #publish(mappings: LocalState, origin: Origin, earlier?: EarlierSnapshot): void {
    const previous = this.#current;
    const next = nextSnapshot(previous, mappings);
    if (next === previous) return;
    this.#current = next;
    if (next.number !== (previous?.number ?? 0)) this.#history.add(next, origin, earlier);
    this.#options.onRelease(next, previous, origin, earlier?.of);
  }

  /** What differs between the released snapshot and the newest local files. */
  #changes(): readonly {
    readonly mapping: MappingSnapshot["mapping"];
    readonly paths: readonly string[];
    readonly tree: Tree;
  }[] {
    return (this.#local ?? []).flatMap(({ mapping, tree }) => {
      const released = this.#current?.mappings.find((each) => each.mapping.id === mapping.id)?.tree;
      if (tree === undefined || tree.digest === released?.digest) return [];
      return [{ mapping, paths: diffTrees(released, tree), tree }];
    });
  }

  /** The local files of one mapping as they are released: with bytes that outlast the next save. */
  #make(local: MappingSnapshot): MappingSnapshot {
    const known = this.#made.get(local);
    if (known !== undefined) return known;
    const made = this.#compose(local, local.tree, []);
    this.#made.set(local, made);
    return made;
  }

  #compose(local: MappingSnapshot, tree: Tree | undefined, others: readonly MappingSnapshot[]): MappingSnapshot {
    const stores = [local, ...others].map(({ content }) => content);
    const { kept } = this.#options;
    const { fromText: from } = local.mapping;
    const isNew = tree !== local.tree;
    return {
      ...local,
      tree,
      content: keptFiles({
        kept,
        stores,
        from,
        isHeld: () => this.held !== undefined || this.#options.isBehind?.() === true,
      }),
      ...(isNew ? { settledAt: performance.now() } : {}),
    };
  }
}
