import type { KubeObject, Reason } from "@kinsync/core/contract";
import { readStatefulSet } from "./fields.ts";

/** What is to be said of the StatefulSet as a whole; the weightiest thing where there are several. */
export function noteOf(root: KubeObject): Reason | undefined {
  const { spec, status } = readStatefulSet(root);
  const replicas = spec?.replicas ?? 1;
  const updated = status?.updatedReplicas ?? 0;
  const evidence = {
    "spec.replicas": replicas,
    "status.replicas": status?.replicas ?? 0,
    "status.updatedReplicas": updated,
  };
  if (replicas === 0) {
    return { code: "scaled-to-zero", message: "the StatefulSet is scaled to 0 replicas", evidence };
  }
  if (updated >= replicas) return undefined;
  if (spec?.updateStrategy?.type === "OnDelete") {
    return {
      code: "update-on-delete",
      message: `${updated} of ${replicas} pods are of the update revision, the others stay until someone deletes them (OnDelete)`,
      evidence,
    };
  }
  const partition = Math.min(spec?.updateStrategy?.rollingUpdate?.partition ?? 0, replicas);
  if (partition > 0 && updated >= replicas - partition) {
    return {
      code: "update-partitioned",
      message: `${updated} of ${replicas} pods are of the update revision, partition ${partition} keeps the others as they are`,
      evidence: { ...evidence, "spec.updateStrategy.rollingUpdate.partition": partition },
    };
  }
  return {
    code: "rollout-in-progress",
    message: `a rollout is in progress: ${updated} of ${replicas} pods are of the update revision`,
    evidence,
  };
}
