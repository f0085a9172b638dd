import type { KubeObject, LabelSelector, Pod, Reason, Verdict } from "@kinsync/core/contract";

/** Labels of OpenKruise on pods (kruise `apis/apps/pub`, `apis/apps/v1alpha1`). */
export const KEYS = {
  revision: "controller-revision-hash",
  lifecycle: "lifecycle.apps.kruise.io/state",
  specifiedDelete: "apps.kruise.io/specified-delete",
  instance: "apps.kruise.io/cloneset-instance-id",
  podIndex: "apps.kubernetes.io/pod-index",
} as const;

/** The part of the spec that both kinds read. Any field may be missing. */
interface KruiseSpec {
  readonly replicas?: number;
  readonly selector?: LabelSelector;
  readonly reserveOrdinals?: readonly (number | string)[];
  readonly ordinals?: { readonly start?: number };
  readonly scaleStrategy?: { readonly podsToDelete?: readonly string[] };
  readonly updateStrategy?: Progression & {
    readonly type?: string;
    /** Of a StatefulSet, and of a CloneSet in v1beta1; in v1alpha1 a CloneSet has the two fields above. */
    readonly rollingUpdate?: Progression & { readonly unorderedUpdate?: object };
  };
}

interface Progression {
  /** Only that of a CloneSet may be a percentage. */
  readonly partition?: number | string;
  readonly paused?: boolean;
}

interface KruiseStatus {
  readonly observedGeneration?: number;
  readonly updateRevision?: string;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
}

export type Workload = KubeObject<KruiseSpec, KruiseStatus>;

export function readWorkload(root: KubeObject): Workload {
  return root;
}

/** The hash of a revision: with the gate CloneSetShortHash a label has it alone, otherwise behind the name of the workload. */
export function hashOf(revision: string): string {
  return revision.slice(revision.lastIndexOf("-") + 1);
}

/**
 * How many pods a partition keeps: a number, or a percentage of the replicas, rounded up. Of several replicas less than 100% updates at
 * least one. A text that is not a percentage counts as 0 (`CalculatePartitionReplicas`, kruise `pkg/util/tools.go`).
 */
export function keptByPartition(partition: number | string | undefined, replicas: number): number {
  if (partition === undefined) return 0;
  if (typeof partition === "number") return Math.max(0, Math.min(partition, replicas));
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(partition) ?? [];
  if (percent === undefined) return 0;
  const kept = Math.ceil((Number(percent) * replicas) / 100);
  if (replicas > 1 && kept === replicas && partition !== "100%") return replicas - 1;
  return Math.min(kept, replicas);
}

/** Its hooks run before the controller deletes it. */
export function isPreparingDelete({ metadata: { labels = {} } }: Pod): boolean {
  return labels[KEYS.lifecycle] === "PreparingDelete";
}

/** Why the controller is about to delete a live pod, by what is written on the pod itself. */
export function leavingReason(pod: Pod): Reason | undefined {
  const { labels = {} } = pod.metadata;
  if (isPreparingDelete(pod)) {
    return {
      code: "preparing-delete",
      message: "its lifecycle hooks run before it is deleted",
      evidence: { [KEYS.lifecycle]: labels[KEYS.lifecycle] ?? null },
    };
  }
  if (labels[KEYS.specifiedDelete] === undefined) return undefined;
  return {
    code: "specified-delete",
    message: `it is marked for deletion with ${KEYS.specifiedDelete}`,
    evidence: { [KEYS.specifiedDelete]: labels[KEYS.specifiedDelete] ?? null },
  };
}

/** The state of pods that the controller replaces; for a workload that is being deleted it does nothing more. */
export function replaced(root: KubeObject, reason: Reason): Pick<Verdict, "state" | "reason"> {
  if (root.metadata.deletionTimestamp === undefined) return { state: "superseded", reason };
  const message = `the ${root.kind} is being deleted, and ${reason.message}`;
  return { state: "terminating", reason: { ...reason, code: "workload-deleting", message } };
}

/** The controller has not seen the spec, or names no revision yet. */
export function unseenReason(root: KubeObject): Reason | undefined {
  const { metadata, status, kind } = readWorkload(root);
  const generation = metadata.generation ?? 0;
  const observed = status?.observedGeneration ?? 0;
  if (observed < generation && metadata.deletionTimestamp === undefined) {
    return {
      code: "generation-not-observed",
      message: `the ${kind} is at generation ${generation}, its controller has seen ${observed}`,
      evidence: { "metadata.generation": generation, "status.observedGeneration": observed },
    };
  }
  if (status?.updateRevision !== undefined && status.updateRevision !== "") return undefined;
  return {
    code: "update-revision-unknown",
    message: `the status of the ${kind} names no update revision yet`,
    evidence: { "status.updateRevision": null },
  };
}

/** @param kept how many pods may stay of older revisions */
export function notesOf(root: KubeObject, kept: number, isPaused: boolean): readonly Reason[] {
  const { spec, status, kind } = readWorkload(root);
  const replicas = spec?.replicas ?? 1;
  const updated = status?.updatedReplicas ?? 0;
  const evidence = { "spec.replicas": replicas, "status.updatedReplicas": updated };
  if (replicas === 0) return [{ code: "scaled-to-zero", message: `the ${kind} is scaled to 0 replicas`, evidence }];
  if (updated >= replicas) return [];
  const counted = `${updated} of ${replicas} pods are of the update revision`;
  if (isPaused) {
    return [{ code: "update-paused", message: `the update is paused: ${counted}`, evidence }];
  }
  if (kept > 0 && updated >= replicas - kept) {
    return [
      { code: "update-partitioned", message: `${counted}, the partition keeps ${kept} of them as they are`, evidence },
    ];
  }
  return [{ code: "rollout-in-progress", message: `a rollout is in progress: ${counted}`, evidence }];
}
