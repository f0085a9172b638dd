import type { Propagation, StoredObject } from "../world.ts";

/** A time as in the API, in whole seconds. `later`: seconds from now. */
export function apiTime(later = 0): string {
  return `${new Date(Date.now() + later * 1000).toISOString().slice(0, 19)}Z`;
}

/** A pod's grace period in seconds. 0 if nothing of it runs: the object is removed at once. */
export function gracePeriodOf(pod: StoredObject, requested: number | undefined): number {
  const phase = pod.status?.["phase"];
  if (requested === 0 || phase === "Succeeded" || phase === "Failed" || typeof pod.spec?.["nodeName"] !== "string") {
    return 0;
  }
  const own = pod.spec["terminationGracePeriodSeconds"];
  const grace = requested ?? (typeof own === "number" ? own : 30);
  const running = pod.metadata.deletionGracePeriodSeconds;
  // A second deletion can only shorten the grace period.
  return pod.metadata.deletionTimestamp !== undefined && running !== undefined ? Math.min(grace, running) : grace;
}

/** The finalizers of an object that is being deleted: its own, and the garbage collector's for this propagation policy. */
export function finalizersFor(object: StoredObject, propagation: Propagation | undefined): string[] {
  const finalizers = object.metadata.finalizers ?? [];
  if (propagation === undefined) {
    return finalizers;
  }
  const others = finalizers.filter((finalizer) => finalizer !== "foregroundDeletion" && finalizer !== "orphan");
  if (propagation === "Foreground") {
    return [...others, "foregroundDeletion"];
  }
  return propagation === "Orphan" ? [...others, "orphan"] : others;
}

/** Whether an object that is being deleted can be removed now. Pods wait for their grace period, namespaces until they are empty. */
export function mayGo({ kind, metadata }: StoredObject): boolean {
  return (
    metadata.deletionTimestamp !== undefined &&
    (metadata.finalizers ?? []).length === 0 &&
    (metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    kind !== "Namespace"
  );
}

/** Marks an object as being deleted, in place. A repeated deletion can only shorten the grace period (seconds). */
export function startDeletion(object: StoredObject, grace: number, keepsGeneration: boolean): void {
  const { metadata } = object;
  if (metadata.deletionTimestamp === undefined) {
    // The API shows the end of the grace period, not the time of the request.
    metadata.deletionTimestamp = apiTime(grace);
    metadata.deletionGracePeriodSeconds = grace;
    if (keepsGeneration) {
      metadata.generation = (metadata.generation ?? 0) + 1;
    }
  } else if (grace < (metadata.deletionGracePeriodSeconds ?? 0)) {
    metadata.deletionTimestamp = apiTime(grace);
    metadata.deletionGracePeriodSeconds = grace;
  }
}
