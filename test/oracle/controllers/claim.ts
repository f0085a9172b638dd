import type { KubeObject } from "@kinsync/core/contract";
import { controllerReference, controllerUidOf, hasLabels, isDeleting, type Labels } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import type { Type } from "../cluster/types.ts";

/**
 * The objects that an owner controls, after it has released those whose labels no longer fit, and adopted those without a controller that fit
 * (k8s `pkg/controller/controller_ref_manager.go`).
 * @param canAdopt whether the owner takes such an object. Default: it does.
 */
export function* claim(
  store: Store,
  owner: KubeObject,
  type: Type,
  selector: Labels,
  canAdopt: (object: KubeObject) => boolean = () => true,
): Generator<void, KubeObject[]> {
  const { uid } = owner.metadata;
  const claimed: KubeObject[] = [];
  for (const object of store.list(type)) {
    const controller = controllerUidOf(object);
    const references = (object.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid);
    if (controller === uid && (isDeleting(owner) || hasLabels(object, selector))) claimed.push(object);
    else if (controller === uid) {
      store.update(object, { ownerReferences: references });
      yield;
    } else if (controller === undefined && !isDeleting(owner) && !isDeleting(object) && hasLabels(object, selector)) {
      if (!canAdopt(object)) continue;
      claimed.push(store.update(object, { ownerReferences: [...references, controllerReference(owner)] }));
      yield;
    }
  }
  return claimed;
}
