import type { NewObject, ObjectStore, Propagation, ResourceName, StoredObject } from "../world.ts";
import type { StoreChange } from "./change-feed.ts";
import type { ResourceTable } from "./resources.ts";

/** How a write differs from a plain one. */
export interface WriteOptions {
  /** Does everything except storing the result. Default: `false`. */
  readonly dryRun?: boolean;
}

/** Options of a deletion. */
export interface DeleteOptions extends WriteOptions {
  /** Default: by the object's finalizers, else `Background`. */
  readonly propagation?: Propagation;
  /** Seconds; pods only. Default: the pod's `terminationGracePeriodSeconds`. 0 removes the object at once. */
  readonly gracePeriodSeconds?: number;
  /** 409 unless the object has this uid. */
  readonly uid?: string;
}

/** The store for the API server and the garbage collector: `ObjectStore`, and what controllers do not need. */
export interface PlaygroundStore extends ObjectStore {
  /** The kinds that can be stored, including those of the stored CustomResourceDefinitions. */
  readonly resources: ResourceTable;
  /** The newest resourceVersion. */
  readonly revision: number;
  create(
    resource: ResourceName,
    namespace: string | undefined,
    object: NewObject,
    options?: WriteOptions,
  ): StoredObject;
  update(resource: ResourceName, object: StoredObject, options?: WriteOptions): StoredObject;
  updateStatus(resource: ResourceName, object: StoredObject, options?: WriteOptions): StoredObject;
  delete(resource: ResourceName, namespace: string | undefined, name: string, options?: DeleteOptions): void;
  /** As `list`, but the stored objects themselves: frozen, shared, no copies. */
  view(resource: ResourceName, namespace?: string): readonly StoredObject[];
  /** As `get`, but the stored object itself: frozen. */
  peek(resource: ResourceName, namespace: string | undefined, name: string): StoredObject | undefined;
  /** The object with this uid, frozen. */
  byUid(uid: string): { readonly resource: ResourceName; readonly object: StoredObject } | undefined;
  /** Objects that name this uid as an owner, frozen. */
  dependentsOf(uid: string): { readonly resource: ResourceName; readonly object: StoredObject }[];
  /** Every change after `revision`, oldest first; `undefined` if the history does not reach back that far. */
  changesSince(revision: number): readonly StoreChange[] | undefined;
  /** Forgets the history: all resourceVersions so far expire. */
  compact(): void;
  /** As `subscribe`, but with frozen objects and the object before the change. */
  observe(listener: (change: StoreChange) => void): Disposable;
}
