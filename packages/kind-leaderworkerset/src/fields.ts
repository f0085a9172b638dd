import type { KubeObject, Pod } from "@kinsync/core/contract";

const PREFIX = "leaderworkerset.sigs.k8s.io/";

/** Labels that the LeaderWorkerSet controller and its webhook put on objects (lws `api/leaderworkerset/v1`). */
export const KEYS = {
  name: `${PREFIX}name`,
  groupIndex: `${PREFIX}group-index`,
  workerIndex: `${PREFIX}worker-index`,
  subgroupIndex: `${PREFIX}subgroup-index`,
  revision: `${PREFIX}template-revision-hash`,
} as const;

/** The part of a LeaderWorkerSet's spec that is read. */
interface LeaderWorkerSetSpec {
  readonly replicas?: number;
  readonly rolloutStrategy?: {
    readonly rollingUpdateConfiguration?: { readonly partition?: number; readonly maxSurge?: number | string };
  };
}

/** The part of a LeaderWorkerSet's status that is read. */
interface LeaderWorkerSetStatus {
  /** Not in every version of the CRD. */
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly readyReplicas?: number;
  readonly updatedReplicas?: number;
}

/** A LeaderWorkerSet: there are no official types, so the fields that are read are declared here. Any of them may be missing. */
export type LeaderWorkerSet = KubeObject<LeaderWorkerSetSpec, LeaderWorkerSetStatus>;

export function readLeaderWorkerSet(root: KubeObject): LeaderWorkerSet {
  return root;
}

/** A label that contains a number; `undefined` where it is missing or contains something else. */
export function numberIn(object: KubeObject | Pod, label: string): number | undefined {
  const text = object.metadata.labels?.[label];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A number, or a percentage of the replicas, rounded up (`GetScaledValueFromIntOrPercent`); 0 where it is missing or something else. */
export function scaledTo(value: number | string | undefined, replicas: number): number {
  if (typeof value === "number") return Math.max(0, value);
  const [, percent] = /^(\d+)%$/.exec(value ?? "") ?? [];
  return percent === undefined ? 0 : Math.ceil((Number(percent) * replicas) / 100);
}

/** The StatefulSet of the leaders, which the LeaderWorkerSet itself owns; those of the workers are owned by leader pods. */
export function leaderSetOf(root: KubeObject, owned: readonly KubeObject[]): KubeObject | undefined {
  return owned.find(
    ({ kind, metadata }) =>
      kind === "StatefulSet" && (metadata.ownerReferences ?? []).some(({ uid }) => uid === root.metadata.uid),
  );
}
