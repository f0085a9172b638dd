import type { BatchEntry, InventoryEntry } from "../../contract/transport.ts";
import type { Tree, TreeEntry } from "../../mapping/tree.ts";

/** What stands at one path of a root, as far as this session knows. */
export type HeldEntry = InventoryEntry;

/** What a target's root holds: what the inventory told, brought forward by every acknowledged batch. */
export interface Held {
  readonly entries: ReadonlyMap<string, HeldEntry>;
  /** Paths that are kinsync's to delete: placed by it (manifest), or found equal to the tree. */
  readonly ours: ReadonlySet<string>;
}

export interface PlanOptions {
  /** Compare and change mode bits. */
  readonly modes: boolean;
  /** Delete what is not kinsync's, too. */
  readonly mirror: boolean;
  /** Paths that this mapping has no say over: ignored ones, and those that a more specific mapping wins. */
  readonly isExcluded: (path: string, isDirectory: boolean) => boolean;
}

/** The way from what is held to what is wanted. */
export interface Plan {
  /** In the order in which they must be carried out: what is in the way, then the tree from its root down, then what is no more. */
  readonly entries: readonly BatchEntry[];
  /** Paths where something foreign stands in the way; not empty means that nothing may be carried. */
  readonly conflicts: readonly PlanConflict[];
}

export interface PlanConflict {
  readonly path: string;
  readonly wanted: TreeEntry["type"];
  readonly found: HeldEntry["type"];
}

/**
 * Plans the way from `held` to `wanted`. Pure: no I/O, no clock. Carrying out the entries gives the wanted tree, leaves alone
 * what is neither in the tree nor kinsync's, and is empty exactly when nothing differs.
 */
export function planRoot(held: Held, wanted: Tree, options: PlanOptions): Plan {
  const first: BatchEntry[] = [];
  const build: BatchEntry[] = [];
  const conflicts: PlanConflict[] = [];
  /** Folders that go because a file or a link comes in their place. */
  const cleared = new Set<string>();

  for (const entry of wanted.entries.values()) {
    const there = held.entries.get(entry.path);
    if (there === undefined) {
      build.push(creation(entry, undefined));
      continue;
    }
    if (there.type === entry.type) {
      const change = changeOf(there, entry, { ours: held.ours.has(entry.path), modes: options.modes });
      if (change !== undefined) build.push(change);
      continue;
    }
    if (there.type === "other") {
      conflicts.push({ path: entry.path, wanted: entry.type, found: there.type });
    } else if (there.type === "link") {
      build.push(creation(entry, "link"));
    } else if (there.type === "directory") {
      const inside = contentsOf(held, entry.path);
      const foreign = inside.some((path) => !held.ours.has(path));
      if (!options.mirror && (foreign || !held.ours.has(entry.path))) {
        conflicts.push({ path: entry.path, wanted: entry.type, found: there.type });
      } else {
        cleared.add(entry.path);
        build.push(creation(entry, "directory"));
      }
    } else if (entry.type === "directory") {
      if (options.mirror || held.ours.has(entry.path)) build.push(creation(entry, "file"));
      else conflicts.push({ path: entry.path, wanted: entry.type, found: there.type });
    } else {
      build.push(creation(entry, "file"));
    }
  }

  const last: BatchEntry[] = [];
  const gone = options.mirror ? held.entries.keys() : held.ours;
  const doomed: string[] = [];
  for (const path of gone) {
    const there = held.entries.get(path);
    if (there === undefined || wanted.entries.has(path)) continue;
    if (options.isExcluded(path, there.type === "directory") && !isBelow(path, cleared)) continue;
    doomed.push(path);
  }
  // Children before their folder: a longer path sorts before its own prefix when the order is reversed.
  doomed.sort((a, b) => (a < b ? 1 : -1));
  for (const path of doomed) {
    const type = held.entries.get(path)?.type === "directory" ? "directory" : "file";
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
  there: HeldEntry,
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
  // A folder that the image brought keeps its mode: kinsync's business is what is in it.
  if (entry.type === "directory" && there.type === "directory" && modes && ours && there.mode !== entry.mode) {
    return { op: "chmod", path: entry.path, mode: entry.mode };
  }
  return undefined;
}

function contentsOf(held: Held, directory: string): string[] {
  const prefix = `${directory}/`;
  return [...held.entries.keys()].filter((path) => path.startsWith(prefix));
}

function isBelow(path: string, directories: ReadonlySet<string>): boolean {
  if (directories.size === 0) return false;
  for (let slash = path.indexOf("/"); slash !== -1; slash = path.indexOf("/", slash + 1)) {
    if (directories.has(path.slice(0, slash))) return true;
  }
  return false;
}

/** What a root holds after a plan was carried out: exactly the wanted tree, and what was not kinsync's to touch. */
export function heldAfter(held: Held, wanted: Tree, entries: readonly BatchEntry[]): Held {
  const next = new Map(held.entries);
  const ours = new Set(held.ours);
  for (const entry of entries) {
    if (entry.op === "delete") {
      next.delete(entry.path);
      ours.delete(entry.path);
    }
  }
  for (const entry of wanted.entries.values()) {
    next.set(entry.path, heldOf(entry));
    ours.add(entry.path);
  }
  return { entries: next, ours };
}

/** The tree as if a target held exactly that, all of it placed by kinsync. */
export function heldFromTree(tree: Tree): Held {
  const entries = new Map<string, HeldEntry>();
  for (const entry of tree.entries.values()) entries.set(entry.path, heldOf(entry));
  return { entries, ours: new Set(entries.keys()) };
}

function heldOf(entry: TreeEntry): HeldEntry {
  if (entry.type === "file") {
    return { type: "file", path: entry.path, mode: entry.mode, size: entry.size, digest: entry.digest };
  }
  if (entry.type === "directory") return { type: "directory", path: entry.path, mode: entry.mode };
  return { type: "link", path: entry.path, target: entry.target };
}
