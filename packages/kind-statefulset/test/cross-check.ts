import type { TruthMoment } from "@kinsync/core/testing";
import { readStatefulSet } from "../src/fields.ts";

/**
 * The controller's counts against a truth (`computeReplicaStatus`, k8s `pkg/controller/statefulset/stateful_set_control.go`):
 * `updatedReplicas` are the pods of the update revision, `replicas` all that nobody deletes.
 */
export function crossCheck({ truth, root }: TruthMoment): readonly string[] {
  if (root === undefined) return ["there is no such StatefulSet"];
  const { status = {} } = readStatefulSet(root);
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0 } = status;
  const states = Object.values(truth.truth.members);
  const current = states.filter((state) => state === "current").length;
  const alive = states.filter((state) => ["current", "kept", "superseded"].includes(state)).length;
  const problems: string[] = [];
  if (observedGeneration !== root.metadata.generation) {
    problems.push(`generation ${root.metadata.generation} is not observed, ${observedGeneration} is`);
  }
  if (current !== updatedReplicas) {
    problems.push(`${current} members are current, status.updatedReplicas is ${updatedReplicas}`);
  }
  if (alive !== replicas) problems.push(`${alive} members are alive, status.replicas is ${replicas}`);
  return problems;
}
