// The controller manager: reconciles Deployments, ReplicaSets, StatefulSets, Jobs and JobSets.

import type { ObjectStore, StoredObject } from "../world.ts";
import { ClusterView, type ViewEvent } from "./cluster-view.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import { deploymentController } from "./deployment.ts";
import { jobController } from "./job.ts";
import { dropTracking } from "./job-pods.ts";
import { jobSetController } from "./job-set.ts";
import { controllerOf, resourceOfKind } from "./objects.ts";
import { replicaSetController } from "./replica-set.ts";
import { statefulSetController } from "./stateful-set.ts";
import { WorkQueue } from "./work-queue.ts";

export interface ControllerOptions {
  /** Controllers to leave out, by resource (`jobsets.jobset.x-k8s.io`), so that a test can act as them. Default: none. */
  readonly without?: readonly string[];
  /**
   * Before a Job replaces a failed pod. Default 100 ms, doubling to 2 s (the real one: 10 s to 10 min).
   */
  readonly jobBackOff?: { readonly initialMilliseconds?: number; readonly maximumMilliseconds?: number };
  /**
   * Called when a reconcile fails, except for conflicts; it is retried in any case.
   * Default: a process warning of the name `PlaygroundControllerWarning`.
   */
  readonly onError?: (error: unknown, object: string) => void;
}

export interface Controllers extends AsyncDisposable {
  /** Pauses the controllers until the returned handle is disposed, so that a test can inspect the moment before they react. */
  hold(): Disposable;
}

const all: readonly Controller[] = [
  deploymentController,
  replicaSetController,
  statefulSetController,
  jobController,
  jobSetController,
];

/** Starts the controllers. The store's events trigger them; nothing polls, and nothing keeps the process alive. */
export function startControllers(store: ObjectStore, options: ControllerOptions = {}): Controllers {
  const controllers = new Map(
    all
      .filter(({ resource }) => !(options.without ?? []).includes(resource))
      .map((controller) => [controller.resource, controller]),
  );
  const { initialMilliseconds = 100, maximumMilliseconds = 2000 } = options.jobBackOff ?? {};
  const queue = new WorkQueue(reconcile, { onError: options.onError ?? warn });
  const view = new ClusterView(
    store,
    ["pods", "controllerrevisions.apps", ...all.map(({ resource }) => resource)],
    look,
  );
  const context: ControllerContext = {
    store,
    view,
    again: (object, milliseconds) => queue.addAfter(keyOf(resourceOfKind[object.kind] ?? "", object), milliseconds),
    jobBackOff: (failures) => Math.min(initialMilliseconds * 2 ** (failures - 1), maximumMilliseconds),
  };

  function reconcile(key: string): void {
    const [resource = "", namespace = "", name = ""] = key.split("/");
    if (resource === "pods") {
      releaseOrphan(namespace, name);
      return;
    }
    // The newest version, even if events of other writers are still pending.
    const object = store.get(resource, namespace, name);
    if (object !== undefined) controllers.get(resource)?.reconcile(object, context);
  }

  /** An event only enqueues objects. */
  function look({ resource, object, previous }: ViewEvent): void {
    if (controllers.has(resource)) queue.add(keyOf(resource, object));
    for (const owner of new Set([controllerOf(object), previous === undefined ? undefined : controllerOf(previous)])) {
      const home = owner === undefined ? undefined : resourceOfKind[owner.kind];
      if (owner !== undefined && home !== undefined) {
        queue.add(`${home}/${object.metadata.namespace ?? ""}/${owner.name}`);
      }
    }
    if (resource === "pods") queue.add(keyOf(resource, object));
    if (controllerOf(object) === undefined) wakeAdopters(resource, object);
    // A Deployment of strategy Recreate waits for its ReplicaSet's pods.
    if (resource === "pods") wakeGrandparent(object);
  }

  function wakeAdopters(resource: string, object: StoredObject): void {
    for (const controller of controllers.values()) {
      if (controller.adopts !== resource) continue;
      for (const owner of view.inNamespace(controller.resource, object.metadata.namespace)) {
        queue.add(keyOf(controller.resource, owner));
      }
    }
  }

  function wakeGrandparent(pod: StoredObject): void {
    const owner = controllerOf(pod);
    if (owner?.kind !== "ReplicaSet") return;
    const set = view.get("replicasets.apps", pod.metadata.namespace, owner.name);
    const root = set === undefined ? undefined : controllerOf(set);
    if (root?.kind === "Deployment") queue.add(`deployments.apps/${pod.metadata.namespace ?? ""}/${root.name}`);
  }

  /** Removes the finalizer of a pod whose Job no longer exists. */
  function releaseOrphan(namespace: string, name: string): void {
    const pod = view.get("pods", namespace, name);
    const owner = pod === undefined ? undefined : controllerOf(pod);
    if (pod === undefined || (owner !== undefined && owner.kind !== "Job")) return;
    const job = owner === undefined ? undefined : store.get("jobs.batch", namespace, owner.name);
    if (job === undefined || job.metadata.uid !== owner?.uid) dropTracking(pod, context);
  }

  view.replay();
  return {
    hold: () => queue.hold(),
    [Symbol.asyncDispose]: () => {
      view[Symbol.dispose]();
      queue[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

/**
 * Deletes a pod, as a node failure or `kubectl delete pod` would; its controller creates another one.
 *
 * @returns the UID of the deleted pod.
 */
export function replacePod(store: ObjectStore, namespace: string, name: string): string {
  const pod = store.get("pods", namespace, name);
  store.delete("pods", namespace, name);
  return pod?.metadata.uid ?? "";
}

function keyOf(resource: string, { metadata }: StoredObject): string {
  return `${resource}/${metadata.namespace ?? ""}/${metadata.name}`;
}

function warn(error: unknown, object: string): void {
  const message = error instanceof Error ? error.message : String(error);
  process.emitWarning(`${object}: ${message}`, { type: "PlaygroundControllerWarning" });
}
