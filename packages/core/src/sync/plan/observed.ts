import type { BatchEntry, InventoryEntry } from "../../contract/transport.ts";
import type { Tree, TreeEntry } from "../../mapping/tree.ts";
import { comparesModes, modeOfNew, type ModePolicy } from "./modes.ts";

/** The entry at one path of a root, as observed in this session. */
export type ObservedEntry = InventoryEntry;

/** What a target's root holds: the inventory, updated with every acknowledged batch. */
export interface ObservedState {
  readonly entries: ReadonlyMap<string, ObservedEntry>;
  /** Paths that kinsync may delete: it created them (manifest), or found them equal to the tree. */
  readonly ours: ReadonlySet<string>;
  /** Mount points below the root. What is not kinsync's at and below them is another volume's. Default: none. */
  readonly mounts?: ReadonlySet<string>;
}

/** What a root holds after these entries were applied. */
export function observedAfter(observed: ObservedState, entries: readonly BatchEntry[]): ObservedState {
  const next = new Map(observed.entries);
  const ours = new Set(observed.ours);
  for (const entry of entries) {
    const { op, path } = entry;
    if (op === "delete") {
      next.delete(path);
      ours.delete(path);
      continue;
    }
    if (op === "chmod") {
      const found = next.get(path);
      if (found !== undefined && "mode" in found) next.set(path, { ...found, mode: entry.mode });
      continue;
    }
    ours.add(path);
    if (op === "link") next.set(path, { type: "link", path, target: entry.target });
    else if (op === "directory") next.set(path, { type: "directory", path, mode: entry.mode });
    else next.set(path, { type: "file", path, mode: entry.mode, size: entry.size, digest: entry.digest });
  }
  return { ...observed, entries: next, ours };
}

/** The observed state of a target that holds exactly this tree, all of it created by kinsync. */
export function observedFromTree(tree: Tree, policy: ModePolicy): ObservedState {
  const entries = new Map<string, ObservedEntry>();
  for (const entry of tree.entries.values()) entries.set(entry.path, observedEntryOf(entry, policy));
  return { entries, ours: new Set(entries.keys()) };
}

/**
 * The modes in which a root differs from what kinsync would have created of this tree, by path.
 * @returns `undefined` where the root differs in anything else
 */
export function keptModes({ entries }: ObservedState, tree: Tree, policy: ModePolicy): Map<string, number> | undefined {
  if (entries.size !== tree.entries.size) return undefined;
  const kept = new Map<string, number>();
  for (const entry of tree.entries.values()) {
    const found = entries.get(entry.path);
    if (found?.type !== entry.type) return undefined;
    if (!comparesModes(policy) || entry.type === "link" || !("mode" in found)) continue;
    if (found.mode !== modeOfNew(entry, policy)) {
      kept.set(entry.path, found.mode);
    }
  }
  return kept;
}

function observedEntryOf(entry: TreeEntry, policy: ModePolicy): ObservedEntry {
  const { path } = entry;
  if (entry.type === "link") return { type: "link", path, target: entry.target };
  const mode = modeOfNew(entry, policy);
  if (entry.type === "directory") return { type: "directory", path, mode };
  return { type: "file", path, mode, size: entry.size, digest: entry.digest };
}
