// The controllers' view of the store: an index by owner that is never behind the last write.

import type { ObjectStore, ResourceName, StoredObject } from "../world.ts";
import { byAge, controllerOf } from "./objects.ts";

export interface ViewEvent {
  readonly resource: ResourceName;
  readonly object: StoredObject;
  /** Before the change. */
  readonly previous: StoredObject | undefined;
  readonly deleted: boolean;
}

/** Its objects are shared: copy them before a change. */
export class ClusterView implements Disposable {
  readonly #store: ObjectStore;
  readonly #subscription: Disposable;
  readonly #objects = new Map<ResourceName, Map<string, StoredObject>>();
  readonly #owned = new Map<string, Map<string, StoredObject>>();
  readonly #onEvent: (event: ViewEvent) => void;

  constructor(store: ObjectStore, resources: readonly ResourceName[], onEvent: (event: ViewEvent) => void) {
    this.#store = store;
    this.#onEvent = onEvent;
    for (const resource of resources) this.#objects.set(resource, new Map());
    this.#subscription = store.subscribe(({ type, resource, object }) => {
      if (!this.#objects.has(resource)) return;
      const previous = this.#put(resource, object, type === "DELETED");
      onEvent({ resource, object, previous, deleted: type === "DELETED" });
    });
    for (const resource of resources) {
      for (const object of store.list(resource)) this.#put(resource, object, false);
    }
  }

  /** Emits an event for every existing object. */
  replay(): void {
    for (const [resource, objects] of this.#objects) {
      for (const object of objects.values()) this.#onEvent({ resource, object, previous: undefined, deleted: false });
    }
  }

  get(resource: ResourceName, namespace: string | undefined, name: string): StoredObject | undefined {
    return this.#objects.get(resource)?.get(`${namespace ?? ""}/${name}`);
  }

  /** The objects of this resource whose controller has this UID, oldest first. */
  ownedBy(uid: string, resource: ResourceName): StoredObject[] {
    return [...(this.#owned.get(`${resource} ${uid}`)?.values() ?? [])].sort(byAge);
  }

  /** Every object of the resource in the namespace, oldest first. */
  inNamespace(resource: ResourceName, namespace: string | undefined): StoredObject[] {
    return [...(this.#objects.get(resource)?.values() ?? [])]
      .filter(({ metadata }) => metadata.namespace === namespace)
      .sort(byAge);
  }

  /** Objects without a controller, which one could adopt. */
  orphans(resource: ResourceName, namespace: string | undefined): StoredObject[] {
    return [...(this.#owned.get(`${resource} `)?.values() ?? [])]
      .filter(({ metadata }) => metadata.namespace === namespace)
      .sort(byAge);
  }

  /**
   * Changes the newest version of an object; does nothing if it is deleted or another object has its name.
   *
   * @param change - returns the fields to change.
   */
  update(
    resource: ResourceName,
    object: StoredObject,
    change: (current: StoredObject) => Partial<StoredObject>,
  ): StoredObject | undefined {
    const current = this.#current(resource, object);
    return current === undefined ? undefined : this.#store.update(resource, { ...current, ...change(current) });
  }

  updateStatus(
    resource: ResourceName,
    object: StoredObject,
    status: Record<string, unknown>,
  ): StoredObject | undefined {
    const current = this.#current(resource, object);
    return current === undefined ? undefined : this.#store.updateStatus(resource, { ...current, status });
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #current(resource: ResourceName, { metadata }: StoredObject): StoredObject | undefined {
    const current = this.#store.get(resource, metadata.namespace, metadata.name);
    return current?.metadata.uid === metadata.uid ? current : undefined;
  }

  #put(resource: ResourceName, object: StoredObject, deleted: boolean): StoredObject | undefined {
    const objects = this.#objects.get(resource) ?? new Map<string, StoredObject>();
    const key = `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
    const previous = objects.get(key);
    if (previous !== undefined) {
      const before = `${resource} ${controllerOf(previous)?.uid ?? ""}`;
      this.#owned.get(before)?.delete(key);
      if (this.#owned.get(before)?.size === 0) this.#owned.delete(before);
    }
    if (deleted) {
      objects.delete(key);
    } else {
      objects.set(key, object);
      const owner = `${resource} ${controllerOf(object)?.uid ?? ""}`;
      const owned = this.#owned.get(owner) ?? new Map<string, StoredObject>();
      owned.set(key, object);
      this.#owned.set(owner, owned);
    }
    return previous;
  }
}
