import { startControllers, type ControllerOptions, type Controllers } from "../../src/controllers/index.ts";
import { startGarbageCollector } from "../../src/store/garbage-collector.ts";
import { createObjectStore } from "../../src/store/object-store.ts";
import type { PlaygroundStore } from "../../src/store/playground-store.ts";
import type { ResourceName, StoredObject } from "../../src/world.ts";

/** Controllers over a store whose pods have no processes: methods make them ready, succeed or fail. */
export interface ControllerWorld extends AsyncDisposable {
  readonly store: PlaygroundStore;
  readonly controllers: Controllers;
  create(resource: ResourceName, object: Record<string, unknown>): StoredObject;
  get(resource: ResourceName, name: string): StoredObject;
  list(resource: ResourceName): StoredObject[];
  /** Changes the spec as `kubectl edit` would. */
  edit(
    resource: ResourceName,
    name: string,
    change: (spec: Record<string, unknown>) => Record<string, unknown>,
  ): StoredObject;
  /** Waits until the controllers are idle. */
  settle(): Promise<void>;
  finish(pod: StoredObject, exitCode: number): void;
}

export interface WorldOptions extends ControllerOptions {
  /** Which pods become ready without a call. Default all. */
  readonly ready?: (pod: StoredObject) => boolean;
  /** Pods that are being deleted are removed without a call. Default true. */
  readonly ends?: boolean;
}

export function controllerWorld({ ready = () => true, ends = true, ...options }: WorldOptions = {}): ControllerWorld {
  const store = createObjectStore();
  const errors: unknown[] = [];
  const collector = startGarbageCollector(store);
  const controllers = startControllers(store, {
    jobBackOff: { initialMilliseconds: 0, maximumMilliseconds: 0 },
    onError: (error) => errors.push(error),
    ...options,
  });
  const kubelet = store.subscribe(({ type, resource, object }) => {
    if (resource !== "pods" || type === "DELETED") return;
    const { namespace, name, uid, deletionTimestamp } = object.metadata;
    const pod = store.get("pods", namespace, name);
    if (pod === undefined || pod.metadata.uid !== uid) return;
    if (deletionTimestamp !== undefined) {
      if (ends && phaseOf(pod) === "Running") writePhase(store, pod, "Succeeded", 0);
      if (ends) store.remove("pods", namespace, name, uid);
      return;
    }
    if (pod.spec?.["nodeName"] === undefined) store.update("pods", { ...pod, spec: { ...pod.spec, nodeName: "node" } });
    else if (phaseOf(pod) === "Pending" && ready(pod)) writePhase(store, pod, "Running");
  });
  return {
    store,
    controllers,
    create: (resource, object) => store.create(resource, "default", object as never),
    get(resource, name) {
      const object = store.get(resource, "default", name);
      if (object === undefined) throw new Error(`${resource} ${name} is not there`);
      return object;
    },
    list: (resource) => store.list(resource, "default"),
    edit(resource, name, change) {
      const object = this.get(resource, name);
      return store.update(resource, { ...object, spec: change(object.spec ?? {}) });
    },
    async settle() {
      // Controllers react within a turn of the event loop; without a write for some turns, they are idle.
      for (let quiet = 0, seen = store.revision; quiet < 5; quiet = seen === store.revision ? quiet + 1 : 0) {
        seen = store.revision;
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (errors.length > 0) throw errors[0];
    },
    finish: (pod, exitCode) => writePhase(store, pod, exitCode === 0 ? "Succeeded" : "Failed", exitCode),
    async [Symbol.asyncDispose]() {
      kubelet[Symbol.dispose]();
      collector[Symbol.dispose]();
      await controllers[Symbol.asyncDispose]();
    },
  };
}

export function phaseOf(pod: StoredObject): unknown {
  return pod.status?.["phase"];
}

/** Writes a pod's end or readiness, as a kubelet would. */
function writePhase(store: PlaygroundStore, pod: StoredObject, phase: string, exitCode?: number): void {
  const current = store.get("pods", pod.metadata.namespace, pod.metadata.name);
  if (current === undefined || current.metadata.uid !== pod.metadata.uid) return;
  const at = `${new Date().toISOString().slice(0, 19)}Z`;
  const state = exitCode === undefined ? { running: { startedAt: at } } : { terminated: { exitCode, finishedAt: at } };
  const status = exitCode === undefined ? "True" : "False";
  store.updateStatus("pods", {
    ...current,
    status: {
      ...current.status,
      phase,
      conditions: [{ type: "Ready", status, lastTransitionTime: at }],
      containerStatuses: [{ name: "main", restartCount: 0, state }],
    },
  });
}

export function names(objects: readonly StoredObject[]): string[] {
  return objects.map(({ metadata }) => metadata.name);
}

export function template(labels: Record<string, string>, extra: Record<string, unknown> = {}): Record<string, unknown> {
  return { metadata: { labels }, spec: { containers: [{ name: "main", image: "playground/busybox" }], ...extra } };
}
