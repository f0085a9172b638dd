import type { TruthMoment } from "@kinsync/core/testing";
import type { V1Deployment } from "@kubernetes/client-node";

/**
 * Compares a truth with the Deployment controller's counts (`calculateStatus`, k8s `pkg/controller/deployment/sync.go`):
 * `updatedReplicas` counts the living pods of the newest ReplicaSet, `replicas` those of all ReplicaSets. While the Deployment is
 * paused, possibly no ReplicaSet has the current template; then the controller counts none as updated.
 * @returns the differences
 */
export function deploymentCounts({ truth, root }: TruthMoment): readonly string[] {
  if (root === undefined) return ["the Deployment does not exist"];
  const { spec, status = {} } = root as unknown as V1Deployment;
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0 } = status;
  const states = Object.values(truth.truth.members);
  const current = states.filter((state) => state === "current").length;
  const living = states.filter((state) => state === "current" || state === "superseded").length;
  const problems: string[] = [];
  if (observedGeneration !== root.metadata.generation) {
    problems.push(`status.observedGeneration is ${observedGeneration}, the generation is ${root.metadata.generation}`);
  }
  if (spec?.paused !== true && current !== updatedReplicas) {
    problems.push(`${current} members are current, status.updatedReplicas is ${updatedReplicas}`);
  }
  if (living !== replicas) problems.push(`${living} members are living, status.replicas is ${replicas}`);
  return problems;
}
