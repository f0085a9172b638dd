// The interface of a controller, and what it uses.

import type { ObjectStore, ResourceName, StoredObject } from "../world.ts";
import type { ClusterView } from "./cluster-view.ts";
import { controllerOf, controllerReference, isDeleting, selectorOf, selects, type PodTemplate } from "./objects.ts";

export interface ControllerContext {
  readonly store: ObjectStore;
  readonly view: ClusterView;
  /** Requeues the object after this time. */
  readonly again: (object: StoredObject, milliseconds: number) => void;
  /** Milliseconds before a Job replaces a failed pod for the nth time (n >= 1). */
  readonly jobBackOff: (failures: number) => number;
}

/** Reconciles one root: one idempotent step from any state towards its spec. */
export interface Controller {
  readonly resource: ResourceName;
  /** Adopts objects of this resource by its selector. */
  readonly adopts?: ResourceName;
  reconcile(object: StoredObject, context: ControllerContext): void;
}

/**
 * The objects that the owner controls by UID, after releasing those whose labels no longer match and adopting those
 * without a controller that match. An owner that is being deleted adopts and releases nothing.
 */
export function claim(owner: StoredObject, resource: ResourceName, { view }: ControllerContext): StoredObject[] {
  const selector = selectorOf(owner);
  const { uid, namespace } = owner.metadata;
  const owned = view.ownedBy(uid, resource);
  if (isDeleting(owner)) return owned;
  const kept = owned.filter((object) => {
    if (selects(selector, object.metadata.labels)) return true;
    view.update(resource, object, ({ metadata }) => ({
      metadata: { ...metadata, ownerReferences: (metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid) },
    }));
    return false;
  });
  const adopted = view.orphans(resource, namespace).flatMap((object) => {
    if (isDeleting(object) || !selects(selector, object.metadata.labels)) return [];
    const updated = view.update(resource, object, ({ metadata }) =>
      controllerOf({ ...object, metadata }) === undefined
        ? {
            metadata: {
              ...metadata,
              ownerReferences: [...(metadata.ownerReferences ?? []), controllerReference(owner)],
            },
          }
        : {},
    );
    return updated === undefined ? [] : [updated];
  });
  return [...kept, ...adopted];
}

const jobSetLabel = "jobset.sigs.k8s.io/jobset-name";
const priorityLabel = "jobset.sigs.k8s.io/priority";

/** What a pod has beyond its template; `spec` replaces whole fields. */
export interface PodOverrides {
  readonly name?: string;
  readonly generateName?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: string[];
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** Creates a pod from a template. */
export function createPod(
  owner: StoredObject,
  template: PodTemplate,
  more: PodOverrides,
  { store }: ControllerContext,
): StoredObject {
  const annotations = { ...template.metadata?.annotations, ...more.annotations };
  const labels = { ...template.metadata?.labels, ...more.labels };
  return store.create("pods", owner.metadata.namespace, {
    metadata: {
      ...(more.name === undefined ? {} : { name: more.name }),
      generateName: more.generateName ?? `${owner.metadata.name}-`,
      // JobSet's webhook for pods adds the priority.
      labels: jobSetLabel in labels ? { ...labels, [priorityLabel]: "0" } : labels,
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      ...(more.finalizers === undefined ? {} : { finalizers: more.finalizers }),
      ownerReferences: [controllerReference(owner)],
    },
    spec: { ...template.spec, ...more.spec },
  });
}

export function deletePod(pod: StoredObject, { store }: ControllerContext): void {
  const { namespace, name, uid } = pod.metadata;
  store.delete("pods", namespace, name, { uid });
}
