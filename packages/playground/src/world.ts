// The interfaces between the API server, the kubelet and the controllers.

import type { Readable, Writable } from "node:stream";
import type { LogReadOptions } from "./runtime/container-log.ts";

/** An object as the API stores it. */
export interface StoredObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp: string;
    generateName?: string;
    generation?: number;
    deletionTimestamp?: string;
    deletionGracePeriodSeconds?: number;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    finalizers?: string[];
    ownerReferences?: {
      apiVersion: string;
      kind: string;
      name: string;
      uid: string;
      controller?: boolean;
      blockOwnerDeletion?: boolean;
    }[];
  };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  [field: string]: unknown;
}

/** An object before it is stored: the store sets uid, resourceVersion and times. */
export interface NewObject {
  apiVersion?: string;
  kind?: string;
  metadata: Partial<StoredObject["metadata"]>;
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  [field: string]: unknown;
}

/** `plural.group`, or the bare plural in the core group: `pods`, `jobs.batch`, `jobsets.jobset.x-k8s.io`. */
export type ResourceName = string;

export interface StoreEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly resource: ResourceName;
  readonly object: StoredObject;
}

export type Propagation = "Background" | "Foreground" | "Orphan";

/** Throws `StatusError` (an API Status with its HTTP code) as the real API does. Returned objects are copies. */
export interface ObjectStore {
  get(resource: ResourceName, namespace: string | undefined, name: string): StoredObject | undefined;
  /** Sorted by namespace and name. */
  list(resource: ResourceName, namespace?: string): StoredObject[];
  create(resource: ResourceName, namespace: string | undefined, object: NewObject): StoredObject;
  /** 409 if `metadata.resourceVersion` is set and not the stored one. Raises `generation` if the spec changed. */
  update(resource: ResourceName, object: StoredObject): StoredObject;
  updateStatus(resource: ResourceName, object: StoredObject): StoredObject;
  /** Pods: sets deletionTimestamp and waits for the kubelet's `remove`; others follow their finalizers and the propagation. */
  delete(
    resource: ResourceName,
    namespace: string | undefined,
    name: string,
    options?: { propagation?: Propagation; gracePeriodSeconds?: number; uid?: string },
  ): void;
  /** The kubelet reports that a pod's processes have ended: removes the object at once. */
  remove(resource: ResourceName, namespace: string | undefined, name: string, uid: string): void;
  /** Called synchronously after each change, in order, for every resource. */
  subscribe(listener: (event: StoreEvent) => void): Disposable;
}

/** A process in a container. */
export interface ExecProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles after both outputs ended: the exit code (128 + signal where killed), or why it never started. */
  readonly exit: Promise<{ readonly code: number } | { readonly error: string }>;
  kill(): void;
}

/** What the API server requests from the kubelet. */
export interface ContainerRuntime {
  /** Throws `StatusError` (404, 400) if pod or container is missing or does not run. */
  exec(
    pod: { readonly namespace: string; readonly name: string },
    container: string | undefined,
    command: readonly string[],
    options: { readonly stdin: boolean },
  ): Promise<ExecProcess>;
  /** Standard output and error of the container's process so far; `follow` keeps the stream open until it ends. */
  logs(
    pod: { readonly namespace: string; readonly name: string },
    container: string | undefined,
    options: LogReadOptions & { readonly previous?: boolean },
  ): Promise<Readable>;
}
