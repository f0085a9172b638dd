import type { BatchEntry, InventoryEntry } from "../../contract/transport.ts";
import type { Tree, TreeEntry } from "../../mapping/tree.ts";

/** The entry at one path of a root, as observed in this session. */
export type ObservedEntry = InventoryEntry;

/** What a target's root holds: the inventory, updated with every acknowledged batch. */
export interface ObservedState {
  readonly entries: ReadonlyMap<string, ObservedEntry>;
  /** Paths that kinsync may delete: it created them (manifest), or found them equal to the tree. */
  readonly ours: ReadonlySet<string>;
}

export interface PlanOptions {
  /** Compare and change mode bits. */
  readonly modes: boolean;
  /** Also delete files that are not kinsync's. */
  readonly mirror: boolean;
  /** Paths outside of this mapping: ignored ones, and those that a more specific mapping overrides. */
  readonly isExcluded: (path: string, isDirectory: boolean) => boolean;
}

/** The steps from the observed to the desired state. */
export interface Plan {
  /** In the order of execution: obstacles are deleted first, then the tree is written from its root down, then old files are deleted. */
  readonly entries: readonly BatchEntry[];
  /** Paths where a file exists that kinsync did not create; unless empty, nothing may be sent. */
  readonly conflicts: readonly PlanConflict[];
}

export interface PlanConflict {
  readonly path: string;
  readonly desired: TreeEntry["type"];
  readonly found: ObservedEntry["type"];
}

/**
 * Plans the steps from `observed` to `desired`. Pure: no I/O, no clock. Executing the entries creates the desired tree, keeps
 * everything that is neither in the tree nor kinsync's, and the plan is empty exactly when nothing differs.
 */
export function planRoot(observed: ObservedState, desired: Tree, options: PlanOptions): Plan {
  const first: BatchEntry[] = [];
  const build: BatchEntry[] = [];
  const conflicts: PlanConflict[] = [];
  /** Folders that a file or a link replaces. */
  const cleared = new Set<string>();

  for (const entry of desired.entries.values()) {
    const there = observed.entries.get(entry.path);
    if (there === undefined) {
      build.push(creation(entry, undefined));
      continue;
    }
    if (there.type === entry.type) {
      const change = changeOf(there, entry, { ours: observed.ours.has(entry.path), modes: options.modes });
      if (change !== undefined) build.push(change);
      continue;
    }
    if (there.type === "other") {
      conflicts.push({ path: entry.path, desired: entry.type, found: there.type });
    } else if (there.type === "link") {
      build.push(creation(entry, "link"));
    } else if (there.type === "directory") {
      const inside = contentsOf(observed, entry.path);
      const foreign = inside.some((path) => !observed.ours.has(path));
      if (!options.mirror && (foreign || !observed.ours.has(entry.path))) {
        conflicts.push({ path: entry.path, desired: entry.type, found: there.type });
      } else {
        cleared.add(entry.path);
        build.push(creation(entry, "directory"));
      }
    } else if (entry.type === "directory") {
      if (options.mirror || observed.ours.has(entry.path)) build.push(creation(entry, "file"));
      else conflicts.push({ path: entry.path, desired: entry.type, found: there.type });
    } else {
      build.push(creation(entry, "file"));
    }
  }

  const last: BatchEntry[] = [];
  const gone = options.mirror ? observed.entries.keys() : observed.ours;
  const doomed: string[] = [];
  for (const path of gone) {
    const there = observed.entries.get(path);
    if (there === undefined || desired.entries.has(path)) continue;
    if (options.isExcluded(path, there.type === "directory") && !isBelow(path, cleared)) continue;
    doomed.push(path);
  }
  // Children before their folder: a longer path sorts before its own prefix when the order is reversed.
  doomed.sort((a, b) => (a < b ? 1 : -1));
  for (const path of doomed) {
    const type = observed.entries.get(path)?.type === "directory" ? "directory" : "file";
    (isBelow(path, cleared) ? first : last).push({ op: "delete", path, type });
  }
  return { entries: [...first, ...build, ...last], conflicts };
}

function creation(entry: TreeEntry, replaces: "file" | "link" | "directory" | undefined): BatchEntry {
  if (entry.type === "file") {
    return {
      op: "file",
      path: entry.path,
      mode: entry.mode,
      size: entry.size,
      digest: entry.digest,
      ...(replaces === undefined ? {} : { replaces }),
    };
  }
  if (entry.type === "directory") {
    return {
      op: "directory",
      path: entry.path,
      mode: entry.mode,
      ...(replaces === undefined || replaces === "directory" ? {} : { replaces }),
    };
  }
  return { op: "link", path: entry.path, target: entry.target, ...(replaces === undefined ? {} : { replaces }) };
}

function changeOf(
  there: ObservedEntry,
  entry: TreeEntry,
  { ours, modes }: { readonly ours: boolean; readonly modes: boolean },
): BatchEntry | undefined {
  if (entry.type === "file" && there.type === "file") {
    if (there.size !== entry.size || there.digest !== entry.digest) return creation(entry, "file");
    return !modes || there.mode === entry.mode ? undefined : { op: "chmod", path: entry.path, mode: entry.mode };
  }
  if (entry.type === "link" && there.type === "link") {
    return there.target === entry.target ? undefined : creation(entry, "link");
  }
  // A folder of the image keeps its mode: kinsync manages only its content.
  if (entry.type === "directory" && there.type === "directory" && modes && ours && there.mode !== entry.mode) {
    return { op: "chmod", path: entry.path, mode: entry.mode };
  }
  return undefined;
}

function contentsOf(observed: ObservedState, directory: string): string[] {
  const prefix = `${directory}/`;
  return [...observed.entries.keys()].filter((path) => path.startsWith(prefix));
}

function isBelow(path: string, directories: ReadonlySet<string>): boolean {
  if (directories.size === 0) return false;
  for (let slash = path.indexOf("/"); slash !== -1; slash = path.indexOf("/", slash + 1)) {
    if (directories.has(path.slice(0, slash))) return true;
  }
  return false;
}

/** What a root holds after a plan was executed: exactly the desired tree, and the files that kinsync may not touch. */
export function observedAfter(observed: ObservedState, desired: Tree, entries: readonly BatchEntry[]): ObservedState {
  const next = new Map(observed.entries);
  const ours = new Set(observed.ours);
  for (const entry of entries) {
    if (entry.op === "delete") {
      next.delete(entry.path);
      ours.delete(entry.path);
    }
  }
  for (const entry of desired.entries.values()) {
    next.set(entry.path, observedEntryOf(entry));
    ours.add(entry.path);
  }
  return { entries: next, ours };
}

/** The observed state of a target that holds exactly this tree, all of it created by kinsync. */
export function observedFromTree(tree: Tree): ObservedState {
  const entries = new Map<string, ObservedEntry>();
  for (const entry of tree.entries.values()) entries.set(entry.path, observedEntryOf(entry));
  return { entries, ours: new Set(entries.keys()) };
}

function observedEntryOf(entry: TreeEntry): ObservedEntry {
  if (entry.type === "file") {
    return { type: "file", path: entry.path, mode: entry.mode, size: entry.size, digest: entry.digest };
  }
  if (entry.type === "directory") return { type: "directory", path: entry.path, mode: entry.mode };
  return { type: "link", path: entry.path, target: entry.target };
}
