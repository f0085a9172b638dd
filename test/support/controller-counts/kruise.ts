import type { KubeObject } from "@kinsync/core/contract";
import type { TruthMoment } from "@kinsync/core/testing";
import { differences } from "./count-states.ts";

const REVISION = "controller-revision-hash";

interface KruiseStatus {
  readonly observedGeneration?: number;
  readonly updateRevision?: string;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
}

/**
 * Compares a truth with the counts of the CloneSet controller (`calculateStatus`, kruise `pkg/controller/cloneset/cloneset_status.go`):
 * `replicas` counts the pods that are not being deleted, `updatedReplicas` those of the update revision.
 * @returns the differences
 */
export function cloneSetCounts(moment: TruthMoment): readonly string[] {
  const pods = membersOf(moment);
  const active = pods.filter(isActive);
  return [
    ...revisionCounts(moment, active),
    ...differences("pods are active", active.length, "status.replicas", statusOf(moment).replicas ?? 0),
  ];
}

/**
 * Compares a truth with the counts of the StatefulSet controller (`computeReplicaStatus`, kruise
 * `pkg/controller/statefulset/stateful_set_control.go`): `replicas` counts all pods, `updatedReplicas` those of the update revision
 * that are not being deleted.
 * @returns the differences
 */
export function advancedStatefulSetCounts(moment: TruthMoment): readonly string[] {
  const pods = membersOf(moment);
  return [
    ...revisionCounts(moment, pods.filter(isActive)),
    ...differences("pods exist", pods.length, "status.replicas", statusOf(moment).replicas ?? 0),
  ];
}

/** @param active the pods that are not being deleted */
function revisionCounts(moment: TruthMoment, active: readonly KubeObject[]): readonly string[] {
  if (moment.root === undefined) return ["the workload does not exist"];
  const { observedGeneration = 0, updateRevision, updatedReplicas = 0 } = statusOf(moment);
  const isUpdated = (pod: KubeObject): boolean => pod.metadata.labels?.[REVISION] === updateRevision;
  const problems = active.flatMap((pod) => {
    const state = moment.truth.truth.members[pod.metadata.name];
    const isOld = state === "kept" || state === "superseded";
    // Pods that are about to be deleted may be of any revision.
    if (state === "terminating" || (isUpdated(pod) ? state === "current" : isOld)) return [];
    return [
      `${pod.metadata.name} is ${state}, its revision ${pod.metadata.labels?.[REVISION]}, updated: ${updateRevision}`,
    ];
  });
  return [
    ...differences("is the generation", moment.root.metadata.generation ?? 0, "observedGeneration", observedGeneration),
    ...differences("pods are updated", active.filter(isUpdated).length, "status.updatedReplicas", updatedReplicas),
    ...problems,
  ];
}

function statusOf({ root }: TruthMoment): KruiseStatus {
  return root?.status ?? {};
}

function membersOf({ truth, objects }: TruthMoment): readonly KubeObject[] {
  return objects.filter(({ kind, metadata }) => kind === "Pod" && truth.truth.members[metadata.name] !== undefined);
}

function isActive({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp === undefined;
}
