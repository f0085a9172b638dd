import type { KubeObject, Reason } from "@kinsync/core/contract";
import { readDeployment } from "./fields.ts";

/** What is to be said of the Deployment as a whole; the weightiest thing where there are several. */
export function noteOf(root: KubeObject): Reason | undefined {
  const { spec, status } = readDeployment(root);
  // A rollout that was stuck and then paused keeps the condition (`checkPausedConditions`), so paused is asked first.
  if (spec?.paused === true) {
    return {
      code: "deployment-paused",
      message: "the Deployment is paused: changes of its template wait until it is resumed",
      evidence: { "spec.paused": true },
    };
  }
  const replicas = spec?.replicas ?? 1;
  const total = status?.replicas ?? 0;
  const updated = status?.updatedReplicas ?? 0;
  const evidence = { "spec.replicas": replicas, "status.replicas": total, "status.updatedReplicas": updated };
  const progressing = status?.conditions?.find((condition) => condition.type === "Progressing");
  if (progressing?.status === "False") {
    return {
      code: "rollout-stuck",
      message: `the rollout is stuck (${progressing.reason ?? "no reason given"}): ${updated} of ${replicas} pods are of the current revision`,
      evidence: { ...evidence, "status.conditions[Progressing].reason": progressing.reason ?? null },
    };
  }
  if (updated < replicas || total > updated) {
    return {
      code: "rollout-in-progress",
      message: `a rollout is in progress: ${updated} of ${replicas} pods are of the current revision, ${total - updated} of older ones`,
      evidence,
    };
  }
  if (replicas === 0) {
    return { code: "scaled-to-zero", message: "the Deployment is scaled to 0 replicas", evidence };
  }
  return undefined;
}
