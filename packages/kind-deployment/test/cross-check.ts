import type { TruthMoment } from "@kinsync/core/testing";
import { readDeployment } from "../src/fields.ts";

/**
 * The controller's counts against a truth (`calculateStatus`, k8s `pkg/controller/deployment/sync.go`): `updatedReplicas` are
 * the living pods of the ReplicaSet that it rolls to, `replicas` those of all of them. While it is paused no ReplicaSet may
 * have the present template, and then it counts none as updated.
 */
export function crossCheck({ truth, root }: TruthMoment): readonly string[] {
  if (root === undefined) return ["there is no such Deployment"];
  const { spec, status = {} } = readDeployment(root);
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0 } = status;
  const states = Object.values(truth.truth.members);
  const current = states.filter((state) => state === "current").length;
  const alive = states.filter((state) => state === "current" || state === "superseded").length;
  const problems: string[] = [];
  if (observedGeneration !== root.metadata.generation) {
    problems.push(`generation ${root.metadata.generation} is not observed, ${observedGeneration} is`);
  }
  if (spec?.paused !== true && current !== updatedReplicas) {
    problems.push(`${current} members are current, status.updatedReplicas is ${updatedReplicas}`);
  }
  if (alive !== replicas) problems.push(`${alive} members are alive, status.replicas is ${replicas}`);
  return problems;
}
