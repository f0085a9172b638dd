import type { KubeObject } from "@kinsync/core/contract";
import { isDeleting } from "./objects.ts";
import type { Store } from "./store.ts";

/** How the dependents of a deleted object are handled, as `propagationPolicy` names it. */
export type Propagation = "Background" | "Foreground" | "Orphan";

/** Deletes an object. A pod stays until its kubelet removes it; an object that is deleted in the foreground stays until its dependents went. */
export function deleteObject(store: Store, object: KubeObject, propagation: Propagation = "Background"): void {
  const { uid } = object.metadata;
  if (object.kind === "Pod") store.markDeleted(uid);
  else if (propagation === "Foreground") store.markDeleted(uid);
  else {
    if (propagation === "Orphan") {
      for (const dependent of dependentsOf(store, uid)) {
        const ownerReferences = (dependent.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid);
        store.patch(dependent.metadata.uid, { ownerReferences });
      }
    }
    store.remove(uid);
  }
}

/** Deletes what has lost its owners, and removes owners in the foreground whose dependents went; one write at a time. */
export function* collectGarbage(store: Store): Generator<void> {
  for (const object of store.all()) {
    const { uid, ownerReferences = [] } = object.metadata;
    if (store.get(uid) === undefined) continue;
    const owners = ownerReferences.map((owner) => store.get(owner.uid));
    const isLeft = owners.length > 0 && owners.every((owner) => owner === undefined || isForeground(owner));
    if (isLeft && !isDeleting(object)) {
      deleteObject(store, object, owners.some((owner) => owner !== undefined) ? "Foreground" : "Background");
      yield;
    } else if (isForeground(object) && dependentsOf(store, uid).length === 0) {
      store.remove(uid);
      yield;
    }
  }
}

function isForeground(object: KubeObject): boolean {
  return object.kind !== "Pod" && isDeleting(object);
}

function dependentsOf(store: Store, uid: string): KubeObject[] {
  return store.all().filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid));
}
