import type { Inventory, BatchEntry } from "../../contract/transport.ts";
import { changeOfFileMode, modeOfExisting, modeOfNew, withoutComparison, type ModePolicy } from "./modes.ts";
import { keptModes, observedAfter, observedFromTree, type ObservedEntry, type ObservedState } from "./observed.ts";
import { planRoot, type Plan } from "./plan.ts";
import type { PlanOptions } from "./plan-options.ts";
import { createTree, type Tree } from "../../mapping/tree.ts";

const NONE: readonly never[] = Object.freeze([]);

/**
 * The observed state of one root in one session. Valid within that session only: a new session, and every lost acknowledgement, starts
 * with an inventory again, since a container can restart a second before the API reports it.
 */
export class Ledger {
  /** The tree that the root completely holds, once a batch or an inventory proved it. */
  #tree: Tree | undefined;
  /** What the root holds besides, or instead of, that tree; `undefined` where the root holds what kinsync would create of the tree. */
  #observed: ObservedState | undefined;
  /** Modes of the image in that tree, which kinsync keeps, by path. They are apart, so that targets share their plans all the same. */
  #kept: Map<string, number> | undefined;
  /** Paths in the container's manifest. `undefined`: none. */
  #manifest: Set<string> | undefined;
  #modes: ModePolicy;
  /** What the marker owes, as last written: `Batch.owed`. */
  owed: readonly string[] = NONE;

  private constructor(parts: {
    readonly tree: Tree | undefined;
    readonly observed: ObservedState | undefined;
    readonly manifest: Set<string>;
    readonly modes: ModePolicy;
  }) {
    this.#tree = parts.tree;
    this.#observed = parts.observed;
    this.#manifest = parts.manifest.size === 0 ? undefined : parts.manifest;
    this.#modes = parts.modes;
  }

  /** From the container's inventory. Paths that are equal to the tree count as kinsync's from now on. */
  static fromInventory(
    inventory: Inventory,
    desired: Tree,
    options: { readonly distrust: boolean; readonly modes: ModePolicy },
  ): Ledger {
    const manifest = new Set(inventory.placed);
    if (inventory.entries.length === 0 && (inventory.mounts ?? []).length === 0) {
      // As if it held this tree completely, so that all targets that hold nothing share one plan.
      return new Ledger({ tree: NO_FILES, observed: undefined, manifest, modes: options.modes });
    }
    const entries = new Map<string, ObservedEntry>();
    const ours = new Set<string>();
    for (const entry of inventory.entries) {
      const equal = isEqual(entry, desired);
      // `full` sends everything: existing files count as different, but not as absent.
      entries.set(entry.path, options.distrust && entry.type === "file" ? { ...entry, digest: "" } : entry);
      if (equal || manifest.has(entry.path)) ours.add(entry.path);
    }
    const observed = { entries, ours, mounts: new Set(inventory.mounts) };
    return new Ledger({ tree: undefined, observed, manifest, modes: options.modes });
  }

  /** Of a root that holds nothing. */
  static empty(modes: ModePolicy): Ledger {
    return new Ledger({ tree: NO_FILES, observed: undefined, manifest: new Set(), modes });
  }

  /** `trust`: assumes without a check that the container holds exactly this tree. */
  static trusting(tree: Tree, modes: ModePolicy): Ledger {
    return new Ledger({ tree, observed: undefined, manifest: new Set(), modes });
  }

  /** The tree that the root completely holds, once kinsync has brought or found it; `undefined` before the first, also where it is empty. */
  get tree(): Tree | undefined {
    return this.#tree === NO_FILES ? undefined : this.#tree;
  }

  /** Mount points below the root, as long as the ledger knows more than a tree. */
  get mounts(): ReadonlySet<string> {
    return this.#observed?.mounts ?? new Set();
  }

  plan(desired: Tree, parts: Omit<PlanOptions, "modes">): Plan {
    const options = { ...parts, modes: this.#modes };
    if (this.#observed !== undefined) return planRoot(this.#observed, desired, options);
    const from = this.#tree;
    if (from === undefined) return planRoot({ entries: new Map(), ours: new Set() }, desired, options);
    // A plan for one file costs nothing, and depends on its name in the container.
    const plan = parts.only === undefined ? sharedPlan(from, desired, options) : planFrom(from, desired, options);
    if (!plan.entries.some(({ path }) => this.#kept?.has(path) === true)) return plan;
    return { ...plan, entries: plan.entries.flatMap((entry) => this.#withKeptMode(entry, desired) ?? []) };
  }

  /** The entry with the mode of an existing file; `undefined` where nothing is left to do. */
  #withKeptMode(entry: BatchEntry, desired: Tree): BatchEntry | undefined {
    const found = this.#kept?.get(entry.path);
    const file = desired.entries.get(entry.path);
    if (found === undefined || file?.type !== "file") return entry;
    if (entry.op === "file" && entry.replaces === "file") {
      return { ...entry, mode: modeOfExisting(file, found, this.#modes) };
    }
    if (entry.op !== "chmod") return entry;
    const mode = changeOfFileMode(file, found, this.#modes);
    return mode === undefined ? undefined : { ...entry, mode };
  }

  /** Paths of a plan to add to the manifest, and those to remove from it. */
  manifestChange(entries: readonly BatchEntry[]): { placed: string[]; unplaced: string[] } {
    const placed: string[] = [];
    const unplaced: string[] = [];
    for (const entry of entries) {
      if (entry.op === "delete") {
        if (this.#manifest?.has(entry.path) === true) unplaced.push(entry.path);
      } else if (entry.op !== "chmod" && this.#manifest?.has(entry.path) !== true) placed.push(entry.path);
    }
    return { placed, unplaced };
  }

  /** The container reported that a mode cannot be set: modes are not compared from now on. */
  modesAreFixed(): void {
    this.#modes = withoutComparison(this.#modes);
  }

  /** A batch was acknowledged: the root holds `desired` now. */
  committed(desired: Tree, entries: readonly BatchEntry[]): void {
    this.partlyCommitted(desired, entries);
    this.#tree = desired;
    const after = this.#observed;
    if (after === undefined) return;
    const ours = new Set(after.ours);
    for (const path of desired.entries.keys()) ours.add(path);
    // Ignored files and files that kinsync did not create matter for the next plan.
    const kept = keptModes(after, desired, this.#modes);
    this.#observed = kept === undefined ? { ...after, ours } : undefined;
    this.#kept = kept?.size === 0 ? undefined : kept;
  }

  /** Size of the file that the root has at a path; 0 where it has none. */
  bytesOf(path: string): number {
    const there = this.#observed === undefined ? this.#tree?.entries.get(path) : this.#observed.entries.get(path);
    return there?.type === "file" ? there.size : 0;
  }

  /** A part of a plan for `desired` was acknowledged, and the rest follows later: the root holds no tree completely. */
  divided(desired: Tree, entries: readonly BatchEntry[]): void {
    if (this.#tree !== undefined && this.#observed === undefined) {
      const { entries: all, ours } = observedFromTree(this.#tree, this.#modes);
      const observed = new Map(all);
      for (const [path, mode] of this.#kept ?? []) {
        const there = observed.get(path);
        if (there !== undefined && "mode" in there) observed.set(path, { ...there, mode });
      }
      this.#observed = { entries: observed, ours };
    }
    this.#tree = undefined;
    this.partlyCommitted(desired, entries);
  }

  /** A part of a plan for `desired` was acknowledged. */
  partlyCommitted(desired: Tree, entries: readonly BatchEntry[]): void {
    if (this.#observed !== undefined) this.#observed = observedAfter(this.#observed, entries);
    for (const entry of entries) {
      this.#keepMode(entry, desired);
      if (entry.op === "delete") this.#manifest?.delete(entry.path);
      else if (entry.op !== "chmod") (this.#manifest ??= new Set()).add(entry.path);
    }
  }

  #keepMode(entry: BatchEntry, desired: Tree): void {
    const { path } = entry;
    const file = desired.entries.get(path);
    const hasMode = entry.op === "file" || entry.op === "chmod";
    if (hasMode && file !== undefined && file.type !== "link" && entry.mode !== modeOfNew(file, this.#modes)) {
      (this.#kept ??= new Map()).set(path, entry.mode);
    } else this.#kept?.delete(path);
  }
}

/** What a root holds where it is empty, or does not exist. */
const NO_FILES = createTree("directory", []);

/** Plans between trees that are completely held; the trees themselves keep them alive. */
const plansByPolicy: Readonly<Record<ModePolicy, WeakMap<Tree, WeakMap<Tree, Pick<WeakRef<Plan>, "deref">>>>> = {
  portable: new WeakMap(),
  exact: new WeakMap(),
  ignored: new WeakMap(),
  fixed: new WeakMap(),
};

/** Every target with the same tree gets the same plan, so it is made once. */
function sharedPlan(from: Tree, desired: Tree, options: PlanOptions): Plan {
  const plansByTree = plansByPolicy[options.modes];
  let plans = plansByTree.get(from);
  if (plans === undefined) plansByTree.set(from, (plans = new WeakMap()));
  const known = plans.get(desired)?.deref();
  if (known !== undefined) return known;
  const plan = planFrom(from, desired, options);
  // What is sent to roots without files names every file, and lasts only as long as some target needs it.
  plans.set(desired, from === NO_FILES ? new WeakRef(plan) : { deref: () => plan });
  return plan;
}

function planFrom(from: Tree, desired: Tree, options: PlanOptions): Plan {
  return planRoot(observedFromTree(from, options.modes), desired, options);
}

function isEqual(entry: ObservedEntry, desired: Tree): boolean {
  const desiredEntry = desired.entries.get(entry.path);
  if (desiredEntry === undefined || desiredEntry.type !== entry.type) return false;
  if (desiredEntry.type === "file" && entry.type === "file") return desiredEntry.digest === entry.digest;
  if (desiredEntry.type === "link" && entry.type === "link") return desiredEntry.target === entry.target;
  return true;
}
