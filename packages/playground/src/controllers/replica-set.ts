// As k8s pkg/controller/replicaset.

import type { StoredObject } from "../world.ts";
import { claim, createPod, deletePod, type Controller, type ControllerContext } from "./controller.ts";
import {
  isActivePod,
  isDeleting,
  isReadyPod,
  nonZero,
  numberAt,
  podPhase,
  selects,
  templateOf,
  untilAvailable,
} from "./objects.ts";

export const replicaSetController: Controller = {
  resource: "replicasets.apps",
  adopts: "pods",
  reconcile(set, context) {
    const active = claim(set, "pods", context).filter(isActivePod);
    const missing = numberAt(set.spec, "replicas", 1) - active.length;
    if (!isDeleting(set)) {
      for (let n = 0; n < missing; n += 1) createPod(set, templateOf(set), {}, context);
      for (const pod of [...active].sort(firstToGo).slice(0, Math.max(0, -missing))) deletePod(pod, context);
    }
    tellStatus(set, context);
  },
};

/** Counts the pods, and requeues for the time when more become available. */
function tellStatus(set: StoredObject, context: ControllerContext): void {
  const minReady = numberAt(set.spec, "minReadySeconds", 0);
  const pods = context.view.ownedBy(set.metadata.uid, "pods").filter(isActivePod);
  const waits = pods.map((pod) => untilAvailable(pod, minReady));
  const next = Math.min(...(waits.filter((wait) => wait !== undefined && wait > 0) as number[]));
  if (Number.isFinite(next)) context.again(set, next);
  const { labels } = templateOf(set).metadata ?? {};
  context.view.updateStatus("replicasets.apps", set, {
    replicas: pods.length,
    ...nonZero({
      fullyLabeledReplicas: pods.filter((pod) => selects({ matchLabels: labels ?? {} }, pod.metadata.labels)).length,
      readyReplicas: waits.filter((wait) => wait !== undefined).length,
      availableReplicas: waits.filter((wait) => wait === 0).length,
    }),
    observedGeneration: set.metadata.generation,
  });
}

/** Unscheduled before scheduled, pending before running, unready before ready, then by deletion cost, then youngest first. */
function firstToGo(a: StoredObject, b: StoredObject): number {
  const rank = (pod: StoredObject): number =>
    (pod.spec?.["nodeName"] === undefined ? 0 : 4) + (podPhase(pod) === "Pending" ? 0 : 2) + (isReadyPod(pod) ? 1 : 0);
  return (
    rank(a) - rank(b) || costOf(a) - costOf(b) || (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1)
  );
}

function costOf({ metadata }: StoredObject): number {
  return Number(metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"] ?? 0) || 0;
}
