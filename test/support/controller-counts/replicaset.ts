import type { TruthMoment } from "@kinsync/core/testing";
import type { V1ReplicaSetStatus } from "@kubernetes/client-node";
import { countOf, differences } from "./count-states.ts";

/**
 * Compares a truth with the counts of the controller of ReplicaSets, which serves ReplicationControllers, too (`calculateStatus`,
 * k8s `pkg/controller/replicaset/replica_set_utils.go`): `replicas` counts the active pods.
 * @returns the differences
 */
export function replicaSetCounts(moment: TruthMoment): readonly string[] {
  if (moment.root === undefined) return ["the workload does not exist"];
  const { observedGeneration = 0, replicas = 0 }: Partial<V1ReplicaSetStatus> = moment.root.status ?? {};
  const { generation = 0 } = moment.root.metadata;
  return [
    ...differences("is the generation", generation, "status.observedGeneration", observedGeneration),
    ...differences("members are current", countOf(moment, "current"), "status.replicas", replicas),
  ];
}
