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

/** One settled state of all mappings of a workload. Immutable. */
export interface Snapshot {
  /** Grows by one with every state whose files differ; 1 is the first. 0: no files are known. */
  readonly number: number;
  /** In the order of the config, each mapping once. */
  readonly mappings: readonly MappingSnapshot[];
}

/** What differs between two snapshots, by mapping. */
export interface SnapshotChange {
  readonly mapping: ResolvedMapping;
  readonly before: MappingSnapshot | undefined;
  readonly after: MappingSnapshot;
}

/** The next snapshot: with a new number where any tree differs; `previous` where nothing differs at all. */
export function nextSnapshot(previous: Snapshot | undefined, mappings: readonly MappingSnapshot[]): Snapshot {
  const before = new Map(previous?.mappings.map((each) => [each.mapping.id, each]));
  const isSame = previous !== undefined && mappings.every((each) => each === before.get(each.mapping.id));
  if (isSame) return previous;
  const hasNewFiles = mappings.some(
    (each) => each.tree !== undefined && each.tree.digest !== before.get(each.mapping.id)?.tree?.digest,
  );
  const number = (previous?.number ?? 0) + (hasNewFiles ? 1 : 0);
  return Object.freeze({ number, mappings: Object.freeze([...mappings]) });
}

/** The mappings whose tree or halt differs. */
export function changesOf(previous: Snapshot | undefined, next: Snapshot): readonly SnapshotChange[] {
  const before = new Map(previous?.mappings.map((each) => [each.mapping.id, each]));
  return next.mappings.flatMap((after) => {
    const was = before.get(after.mapping.id);
    return was === after ? [] : [{ mapping: after.mapping, before: was, after }];
  });
}
