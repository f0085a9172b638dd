import type { TruthMoment } from "@kinsync/core/testing";
import type { V1StatefulSet } from "@kubernetes/client-node";

/**
 * Compares a truth with the StatefulSet controller's counts (`computeReplicaStatus`,
 * k8s `pkg/controller/statefulset/stateful_set_control.go`): `updatedReplicas` counts the pods of the update revision, `replicas` all
 * pods that are not being deleted.
 * @returns the differences
 */
export function statefulSetCounts({ truth, root }: TruthMoment): readonly string[] {
  if (root === undefined) return ["the StatefulSet does not exist"];
  const { status } = root as unknown as V1StatefulSet;
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0 } = status ?? {};
  const states = Object.values(truth.truth.members);
  const current = states.filter((state) => state === "current").length;
  const living = states.filter((state) => ["current", "kept", "superseded"].includes(state)).length;
  const problems: string[] = [];
  if (observedGeneration !== root.metadata.generation) {
    problems.push(`status.observedGeneration is ${observedGeneration}, the generation is ${root.metadata.generation}`);
  }
  if (current !== updatedReplicas) {
    problems.push(`${current} members are current, status.updatedReplicas is ${updatedReplicas}`);
  }
  if (living !== replicas) problems.push(`${living} members are living, status.replicas is ${replicas}`);
  return problems;
}
