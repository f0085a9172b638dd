import type { Inventory, BatchEntry } from "../../contract/transport.ts";
import {
  observedAfter,
  observedFromTree,
  planRoot,
  type ObservedState,
  type ObservedEntry,
  type Plan,
  type PlanOptions,
} from "./plan.ts";
import type { Tree } from "../../mapping/tree.ts";

/**
 * The observed state of one root in one session. Valid within that session only: a new session, and every lost acknowledgement, starts
 * with an inventory again, since a container can restart a second before the API reports it.
 */
export class Ledger {
  /** The tree that the root completely holds, once a batch or an inventory proved it. */
  #tree: Tree | undefined;
  /** What the root holds besides, or instead of, that tree; `undefined` where the root holds exactly the tree. */
  #observed: ObservedState | undefined;
  /** Paths in the container's manifest. `undefined`: none. */
  #manifest: Set<string> | undefined;

  private constructor(tree: Tree | undefined, observed: ObservedState | undefined, manifest: Set<string>) {
    this.#tree = tree;
    this.#observed = observed;
    this.#manifest = manifest.size === 0 ? undefined : manifest;
  }

  /** From the container's inventory. Paths that are equal to the tree count as kinsync's from now on. */
  static fromInventory(inventory: Inventory, desired: Tree, options: { readonly distrust: boolean }): Ledger {
    const entries = new Map<string, ObservedEntry>();
    const manifest = new Set(inventory.placed);
    const ours = new Set<string>();
    for (const entry of inventory.entries) {
      const equal = isEqual(entry, desired);
      // `full` sends everything: existing files count as different, but not as absent.
      entries.set(entry.path, options.distrust && entry.type === "file" ? { ...entry, digest: "" } : entry);
      if (equal || manifest.has(entry.path)) ours.add(entry.path);
    }
    return new Ledger(undefined, { entries, ours }, manifest);
  }

  /** `trust`: assumes without a check that the container holds exactly this tree. */
  static trusting(tree: Tree): Ledger {
    return new Ledger(tree, undefined, new Set());
  }

  /** Digest of the tree that the root completely holds; `undefined` before the first. */
  get tree(): Tree | undefined {
    return this.#tree;
  }

  plan(desired: Tree, options: PlanOptions): Plan {
    if (this.#observed !== undefined) return planRoot(this.#observed, desired, options);
    const from = this.#tree;
    if (from === undefined) return planRoot({ entries: new Map(), ours: new Set() }, desired, options);
    if (!options.modes) return planRoot(observedFromTree(from), desired, options);
    // Every target with the same tree gets the same plan, so it is made once.
    let plans = plansByTree.get(from);
    if (plans === undefined) plansByTree.set(from, (plans = new WeakMap()));
    let plan = plans.get(desired);
    if (plan === undefined) plans.set(desired, (plan = planRoot(observedFromTree(from), desired, options)));
    return plan;
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

  /** A batch was acknowledged: the root holds `desired` now. */
  committed(desired: Tree, entries: readonly BatchEntry[]): void {
    this.partlyCommitted(entries);
    const before = this.#observed;
    this.#tree = desired;
    if (before === undefined) return;
    const after = observedAfter(before, desired, entries);
    // Files besides the tree matter only while the root may contain ignored files or files that kinsync did not create.
    this.#observed = after.entries.size === desired.entries.size ? undefined : after;
  }

  /** A part of a plan was acknowledged. */
  partlyCommitted(entries: readonly BatchEntry[]): void {
    for (const entry of entries) {
      if (entry.op === "delete") this.#manifest?.delete(entry.path);
      else if (entry.op !== "chmod") (this.#manifest ??= new Set()).add(entry.path);
    }
  }
}

/** Plans between trees that are completely held; the trees themselves keep them alive. */
const plansByTree = new WeakMap<Tree, WeakMap<Tree, Plan>>();

function isEqual(entry: ObservedEntry, desired: Tree): boolean {
  const desiredEntry = desired.entries.get(entry.path);
  if (desiredEntry === undefined || desiredEntry.type !== entry.type) return false;
  if (desiredEntry.type === "file" && entry.type === "file") return desiredEntry.digest === entry.digest;
  if (desiredEntry.type === "link" && entry.type === "link") return desiredEntry.target === entry.target;
  return true;
}
