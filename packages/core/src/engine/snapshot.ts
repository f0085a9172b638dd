import type { ContentStore } from "../mapping/content-store.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { Tree } from "../mapping/tree.ts";

/** The settled local files of one mapping. */
export interface MappingSnapshot {
  readonly mapping: ResolvedMapping;
  /** The last tree that settled; `undefined` where no tree has settled yet. */
  readonly tree: Tree | undefined;
  readonly content: ContentStore;
  /** Whether the ignore rules exclude a path, relative to `from`. */
  readonly isIgnored: (path: string, isDirectory: boolean) => boolean;
  /** `performance.now()` of the moment in which `tree` settled. */
  readonly settledAt: number;
  /** Why nothing of this mapping may be sent; `undefined` while the mapping is not halted. */
  readonly halted: string | undefined;
}

/** The settled local files of a workload: each mapping once, in the order of the config. Immutable. */
export type LocalState = readonly MappingSnapshot[];

/** One settled state of all mappings of a workload that its targets may hold. Immutable. */
export interface Snapshot {
  /** Grows by one with every state whose files differ; 1 is the first. 0: no files are known. */
  readonly number: number;
  /** In the order of the config, each mapping once. */
  readonly mappings: LocalState;
}

/** What differs between two snapshots, by mapping. */
export interface SnapshotChange {
  readonly mapping: ResolvedMapping;
  readonly before: MappingSnapshot | undefined;
  readonly after: MappingSnapshot;
}

/** The next snapshot: with a new number where any tree differs; `previous` where nothing differs at all. */
export function nextSnapshot(previous: Snapshot | undefined, mappings: LocalState): Snapshot {
  if (previous !== undefined && isSameState(previous.mappings, mappings)) return previous;
  const number = (previous?.number ?? 0) + (hasOtherFiles(previous?.mappings, mappings) ? 1 : 0);
  return Object.freeze({ number, mappings: Object.freeze([...mappings]) });
}

/** Nothing differs: files, content stores, halts. */
export function isSameState(before: LocalState, after: LocalState): boolean {
  return before.length === after.length && before.every((each, at) => each === after[at]);
}

/** The tree of any mapping differs. */
export function hasOtherFiles(before: LocalState | undefined, after: LocalState): boolean {
  const trees = new Map(before?.map(({ mapping, tree }) => [mapping.id, tree]));
  return after.some(({ mapping, tree }) => tree !== undefined && tree.digest !== trees.get(mapping.id)?.digest);
}

/** The mappings whose tree or halt differs. */
export function changesOf(previous: LocalState | undefined, next: LocalState): readonly SnapshotChange[] {
  const before = new Map(previous?.map((each) => [each.mapping.id, each]));
  return next.flatMap((after) => {
    const was = before.get(after.mapping.id);
    return was === after ? [] : [{ mapping: after.mapping, before: was, after }];
  });
}
