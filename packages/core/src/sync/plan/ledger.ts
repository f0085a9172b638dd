import type { Inventory, BatchEntry } from "../../contract/transport.ts";
import { heldAfter, heldFromTree, planRoot, type Held, type HeldEntry, type Plan, type PlanOptions } from "./plan.ts";
import type { Tree } from "../../mapping/tree.ts";

/**
 * What one session knows of one root. Valid within that session only: a new session, and every lost acknowledgement, starts
 * with an inventory again, since a container can restart a second before the API says so.
 */
export class Ledger {
  /** The tree that the root wholly holds, once a batch or an inventory proved it. */
  #tree: Tree | undefined;
  /** What is held besides, or instead of, that tree; `undefined` where the tree says it all. */
  #held: Held | undefined;
  /** Paths that the manifest in the container names. */
  readonly #manifest: Set<string>;

  private constructor(tree: Tree | undefined, held: Held | undefined, manifest: Set<string>) {
    this.#tree = tree;
    this.#held = held;
    this.#manifest = manifest;
  }

  /** From what the container told. Paths that are equal to the tree count as kinsync's from now on. */
  static fromInventory(inventory: Inventory, wanted: Tree, options: { readonly distrust: boolean }): Ledger {
    const entries = new Map<string, HeldEntry>();
    const manifest = new Set(inventory.placed);
    const ours = new Set<string>();
    for (const entry of inventory.entries) {
      const equal = isEqual(entry, wanted);
      // `full` sends everything: what is there counts as different, but not as absent.
      entries.set(entry.path, options.distrust && entry.type === "file" ? { ...entry, digest: "" } : entry);
      if (equal || manifest.has(entry.path)) ours.add(entry.path);
    }
    return new Ledger(undefined, { entries, ours }, manifest);
  }

  /** `trust`: the container is taken to hold exactly this tree, unseen. */
  static trusting(tree: Tree): Ledger {
    return new Ledger(tree, undefined, new Set());
  }

  /** Digest of the tree that the root wholly holds; `undefined` before the first. */
  get tree(): Tree | undefined {
    return this.#tree;
  }

  plan(wanted: Tree, options: PlanOptions): Plan {
    if (this.#held !== undefined) return planRoot(this.#held, wanted, options);
    const from = this.#tree;
    if (from === undefined) return planRoot({ entries: new Map(), ours: new Set() }, wanted, options);
    if (!options.modes) return planRoot(heldFromTree(from), wanted, options);
    // Every target that holds the same tree goes the same way: it is planned once.
    let ways = plans.get(from);
    if (ways === undefined) plans.set(from, (ways = new WeakMap()));
    let plan = ways.get(wanted);
    if (plan === undefined) ways.set(wanted, (plan = planRoot(heldFromTree(from), wanted, options)));
    return plan;
  }

  /** Paths of a plan that the manifest does not name yet, and those that it must forget. */
  manifestChange(entries: readonly BatchEntry[]): { placed: string[]; unplaced: string[] } {
    const placed: string[] = [];
    const unplaced: string[] = [];
    for (const entry of entries) {
      if (entry.op === "delete") {
        if (this.#manifest.has(entry.path)) unplaced.push(entry.path);
      } else if (entry.op !== "chmod" && !this.#manifest.has(entry.path)) placed.push(entry.path);
    }
    return { placed, unplaced };
  }

  /** A batch was acknowledged: the root holds `wanted` now. */
  committed(wanted: Tree, entries: readonly BatchEntry[]): void {
    this.partlyCommitted(entries);
    const before = this.#held;
    this.#tree = wanted;
    if (before === undefined) return;
    const after = heldAfter(before, wanted, entries);
    // What is there besides the tree matters only while something foreign or ignored could be met again.
    this.#held = after.entries.size === wanted.entries.size ? undefined : after;
  }

  /** A part of a plan was acknowledged. */
  partlyCommitted(entries: readonly BatchEntry[]): void {
    for (const entry of entries) {
      if (entry.op === "delete") this.#manifest.delete(entry.path);
      else if (entry.op !== "chmod") this.#manifest.add(entry.path);
    }
  }
}

/** Ways between trees that are held in whole; the trees themselves keep them alive. */
const plans = new WeakMap<Tree, WeakMap<Tree, Plan>>();

function isEqual(entry: HeldEntry, wanted: Tree): boolean {
  const want = wanted.entries.get(entry.path);
  if (want === undefined || want.type !== entry.type) return false;
  if (want.type === "file" && entry.type === "file") return want.digest === entry.digest;
  if (want.type === "link" && entry.type === "link") return want.target === entry.target;
  return true;
}
