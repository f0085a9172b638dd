import { isDeepStrictEqual } from "node:util";
import type { ResourceType } from "../contract/resource.ts";
import { resourceName } from "../kube/resource-path.ts";
import type { KindEntry } from "../plugins/host.ts";
import type { ResolvedWorkload } from "./resolved-workload.ts";

/** What new settings mean for the workloads of a run; each by its name and namespace. */
export interface WorkloadChanges {
  readonly started: readonly ChangedWorkload[];
  /** Their settings differ: their sessions end, and new ones begin. */
  readonly restarted: readonly ChangedWorkload[];
  readonly stopped: readonly ChangedWorkload[];
  /** Nothing of them is touched. */
  readonly unchanged: readonly ChangedWorkload[];
}

export interface ChangedWorkload {
  /** As the user named it. */
  readonly name: string;
  readonly namespace: string;
}

/** Identity of a workload in a run. */
export function workloadKey({ ref }: Pick<ResolvedWorkload, "ref">): string {
  return `${resourceName(ref.resource)}/${ref.namespace}/${ref.name}`;
}

/**
 * Compares the workloads of a run with those that it should have.
 * @param judgedAnew keys of workloads that restart, also with equal settings
 */
export function compareWorkloads(
  before: readonly ResolvedWorkload[],
  after: readonly ResolvedWorkload[],
  judgedAnew: ReadonlySet<string>,
): WorkloadChanges {
  const had = new Map(before.map((each) => [workloadKey(each), each]));
  const has = new Set(after.map(workloadKey));
  const kept = after.filter((each) => had.has(workloadKey(each)));
  const isSame = (each: ResolvedWorkload): boolean =>
    !judgedAnew.has(workloadKey(each)) && isSameWorkload(had.get(workloadKey(each)), each);
  return {
    started: after.filter((each) => !had.has(workloadKey(each))).map(named),
    restarted: kept.filter((each) => !isSame(each)).map(named),
    stopped: before.filter((each) => !has.has(workloadKey(each))).map(named),
    unchanged: kept.filter(isSame).map(named),
  };
}

/** Roots whose kind is another one than before; a kind that came or went counts. */
export function changedRoots(before: readonly KindEntry[], after: readonly KindEntry[]): readonly ResourceType[] {
  const [had, has] = [new Set(before), new Set(after)];
  return [...before.filter((kind) => !has.has(kind)), ...after.filter((kind) => !had.has(kind))].map(
    ({ root }) => root,
  );
}

/** A name is a setting, too: events carry it. The object as it was found is none, and neither is what a project adds. */
const SETTINGS: Readonly<Record<Exclude<keyof ResolvedWorkload, "ref" | "root">, true>> = {
  name: true,
  mappings: true,
  run: true,
  rebuild: true,
  hooks: true,
  mode: true,
  gang: true,
};

export function isSameWorkload(before: ResolvedWorkload | undefined, after: ResolvedWorkload): boolean {
  const keys = Object.keys(SETTINGS) as (keyof typeof SETTINGS)[];
  return before !== undefined && keys.every((key) => isDeepStrictEqual(before[key], after[key]));
}

function named({ name, ref: { namespace } }: ResolvedWorkload): ChangedWorkload {
  return { name, namespace };
}
