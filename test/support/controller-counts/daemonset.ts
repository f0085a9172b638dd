import type { TruthMoment } from "@kinsync/core/testing";
import type { V1DaemonSet } from "@kubernetes/client-node";
import { countOf, differences } from "./count-states.ts";

/**
 * Compares a truth with the DaemonSet controller's counts (`updateDaemonSetStatus`, k8s `pkg/controller/daemon/daemon_controller.go`):
 * `updatedNumberScheduled` counts the nodes whose oldest pod is of the current revision. During a surge that is the former pod.
 * @returns the differences
 */
export function daemonSetCounts(moment: TruthMoment): readonly string[] {
  if (moment.root === undefined) return ["the DaemonSet does not exist"];
  const { status } = moment.root as unknown as V1DaemonSet;
  const { observedGeneration = 0, updatedNumberScheduled = 0 } = status ?? {};
  const { generation = 0 } = moment.root.metadata;
  const superseded = countOf(moment, "superseded");
  return [
    ...differences("is the generation", generation, "status.observedGeneration", observedGeneration),
    ...(superseded > 0
      ? []
      : differences("are current", countOf(moment, "current"), "updatedNumberScheduled", updatedNumberScheduled)),
  ];
}
