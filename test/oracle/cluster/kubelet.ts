import type { KubeObject } from "@kinsync/core/contract";
import { isDeleting, isFinished, phaseOf } from "./objects.ts";
import type { Store } from "./store.ts";
import { PODS } from "./types.ts";

/** Starts a pending pod; removes a pod that is being deleted. A pod with a job to do stays for its Job's controller once it has ended. */
export function advancePod(store: Store, pod: KubeObject): void {
  const { uid } = pod.metadata;
  if (isDeleting(pod)) store.remove(uid);
  else if (phaseOf(pod) === "Pending") setPhase(store, pod, "Running");
}

export function setPhase(store: Store, { metadata: { uid } }: KubeObject, phase: string): void {
  store.patch(uid, { status: { phase } });
}

/** Every pod one step further. */
export function* advancePods(store: Store): Generator<void> {
  for (const { metadata } of store.list(PODS)) {
    const pod = store.get(metadata.uid);
    if (pod === undefined) continue;
    if (!isDeleting(pod) && (isFinished(pod) || phaseOf(pod) === "Running")) continue;
    advancePod(store, pod);
    yield;
  }
}
