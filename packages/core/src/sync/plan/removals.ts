import type { BatchEntry } from "../../contract/transport.ts";
import { isAtOrBelow, type Tree, type TreeEntry } from "../../mapping/tree.ts";
import { folded, isFoldedAtOrBelow } from "../../contract/folded.ts";
import type { ObservedEntry, ObservedState } from "./observed.ts";
import type { PlanOptions } from "./plan-options.ts";

/** A part that is empty, `.`, `..`, or the folder of kinsync's state. */
const LEAVES_ROOT = /(?:^|\/)(?:\.{0,2}|\.kinsync)(?:\/|$)/;

/** Deletes of a plan. */
export interface Removals {
  /** Make room for what is created: content of a folder that a file replaces, and names that differ from a new one only by case. */
  readonly first: readonly BatchEntry[];
  readonly last: readonly BatchEntry[];
  /** Observed entries among them that kinsync did not create. */
  readonly foreign: readonly ObservedEntry[];
  /**
   * Desired files and links that exist and differ from a deleted one only by case or Unicode form. Where the file system does not tell
   * them apart, both are one file and the delete removes it, so they are sent again.
   */
  readonly twins: readonly TreeEntry[];
}

export interface RemovalContext {
  readonly observed: ObservedState;
  readonly desired: Tree;
  readonly options: PlanOptions;
  /** Folders that a file or a link replaces. */
  readonly cleared: ReadonlySet<string>;
  /** Paths that do not exist yet. */
  readonly created: readonly string[];
}

/** What an observed root holds and a desired tree does not. Children come before their folder. */
export function removalsOf(context: RemovalContext): Removals {
  const { observed, desired, cleared } = context;
  const doomed = doomedPaths(context);
  if (doomed.size === 0) return { first: [], last: [], foreign: [], twins: [] };
  const kept = keptParents(observed, doomed);
  const names = new Set([...doomed].map(folded));
  const existing = [...desired.entries.values()].filter(
    ({ path }) => observed.entries.has(path) && names.has(folded(path)),
  );
  const twins = existing.filter(({ type }) => type !== "directory");
  const twinFolders = new Set(existing.filter(({ type }) => type === "directory").map(({ path }) => folded(path)));
  const created = new Set([...context.created, ...twins.map(({ path }) => path)].map(folded));
  const first: BatchEntry[] = [];
  const last: BatchEntry[] = [];
  const foreign: ObservedEntry[] = [];
  // A longer path sorts before its own prefix when the order is reversed.
  for (const path of [...doomed].sort((a, b) => (a < b ? 1 : -1))) {
    const there = observed.entries.get(path);
    if (there === undefined) continue;
    const isFolder = there.type === "directory";
    // A folder that keeps content stays, and is not counted as deleted.
    if (isFolder && (kept.has(path) || twinFolders.has(folded(path)))) continue;
    if (!observed.ours.has(path)) foreign.push(there);
    const entry: BatchEntry = { op: "delete", path, type: isFolder ? "directory" : "file" };
    (isBelow(path, cleared) || isFoldedAtOrBelow(path, created) ? first : last).push(entry);
  }
  return { first, last, foreign, twins };
}

function doomedPaths({ observed, desired, options, cleared }: RemovalContext): Set<string> {
  const { mounts = new Set() } = observed;
  const mountParents = parentsOf(mounts);
  const doomed = new Set<string>();
  for (const path of options.mirror ? observed.entries.keys() : observed.ours) {
    const there = observed.entries.get(path);
    if (there === undefined || desired.entries.has(path) || !isInScope(path, options.only)) continue;
    if (options.isExcluded(path, there.type === "directory") && !isBelow(path, cleared)) continue;
    if (mounts.has(path) || mountParents.has(path)) continue;
    if (!observed.ours.has(path) && isAtOrBelow(path, mounts)) continue;
    doomed.add(path);
  }
  return doomed;
}

/** Folders that hold something that is not deleted. */
function keptParents(observed: ObservedState, doomed: ReadonlySet<string>): ReadonlySet<string> {
  const hasFolder = [...doomed].some((path) => observed.entries.get(path)?.type === "directory");
  if (!hasFolder) return new Set();
  return parentsOf([...observed.entries.keys()].filter((path) => !doomed.has(path)));
}

/** Every folder above these paths. */
export function parentsOf(paths: Iterable<string>): Set<string> {
  const parents = new Set<string>();
  for (const path of paths) {
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      const parent = path.slice(0, slash);
      if (parents.has(parent)) break;
      parents.add(parent);
    }
  }
  return parents;
}

/** Whether a root may contain this path: below it, outside of kinsync's state, and for a single file only the file. */
export function isInScope(path: string, only: string | undefined): boolean {
  if (only !== undefined && path !== only) return false;
  return !LEAVES_ROOT.test(path);
}

function isBelow(path: string, folders: ReadonlySet<string>): boolean {
  if (folders.size === 0) return false;
  for (let slash = path.indexOf("/"); slash !== -1; slash = path.indexOf("/", slash + 1)) {
    if (folders.has(path.slice(0, slash))) return true;
  }
  return false;
}
