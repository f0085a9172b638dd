// The annotations that name the current ReplicaSet of a Deployment: k8s pkg/controller/deployment/util.

import type { StoredObject } from "../world.ts";
import type { Labels } from "./objects.ts";

export const revisionAnnotation = "deployment.kubernetes.io/revision";
const historyAnnotation = "deployment.kubernetes.io/revision-history";
export const desiredAnnotation = "deployment.kubernetes.io/desired-replicas";
const maximumAnnotation = "deployment.kubernetes.io/max-replicas";

const own = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "deprecated.deployment.rollback.to",
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maximumAnnotation,
]);

export function revisionOf(set: StoredObject): number {
  return Number(set.metadata.annotations?.[revisionAnnotation] ?? 0) || 0;
}

/** The highest revision of the ReplicaSets; 0 without any. */
export function highestRevision(sets: readonly StoredObject[]): number {
  return Math.max(0, ...sets.map(revisionOf));
}

/**
 * Annotations of the new ReplicaSet: those of the Deployment, and its revision. A ReplicaSet with a lower revision is
 * reused (a rollback): it gets the new revision, and the old one is added to its history.
 */
export function annotationsOfNewSet(
  deployment: StoredObject,
  before: Labels,
  revision: number,
): Record<string, string> {
  const copied = Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => !own.has(key));
  const annotations: Record<string, string> = { ...before, ...Object.fromEntries(copied) };
  const old = before[revisionAnnotation];
  if (Number(old ?? 0) < revision) {
    annotations[revisionAnnotation] = String(revision);
    if (old !== undefined) {
      annotations[historyAnnotation] = [before[historyAnnotation], old].filter((part) => part !== undefined).join(",");
    }
  }
  return annotations;
}

export function replicaAnnotations(desired: number, maximum: number): Record<string, string> {
  return { [desiredAnnotation]: String(desired), [maximumAnnotation]: String(maximum) };
}
