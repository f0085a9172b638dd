import { isDeepStrictEqual } from "node:util";

import { StatusError, alreadyExists, notFound } from "../status-error.ts";
import type { NewObject, ResourceName, StoreEvent, StoredObject } from "../world.ts";
import { ChangeFeed } from "./change-feed.ts";
import type { StoreChange } from "./change-feed.ts";
import { applyDefaults } from "./defaults.ts";
import { DEFINITIONS, establish, resourceOfDefinition } from "./definitions.ts";
import { apiTime, finalizersFor, gracePeriodOf, mayGo, startDeletion } from "./deletion.ts";
import { applySchema } from "./custom-schema.ts";
import { giveIdentity, homeOf, keepIdentity, nameKind } from "./identity.ts";
import { immutabilityProblems } from "./immutability.ts";
import { ObjectTables } from "./object-tables.ts";
import type { Located } from "./object-tables.ts";
import type { DeleteOptions, PlaygroundStore, WriteOptions } from "./playground-store.ts";
import { requireLiveNamespace, requireNewest, requireUid, requireValid } from "./preconditions.ts";
import { ResourceTable } from "./resources.ts";
import type { ResourceType } from "./resources.ts";
import { problems } from "./validation.ts";

const NAMESPACES = ["default", "kube-node-lease", "kube-public", "kube-system"] as const;

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    for (const inner of Object.values(value)) {
      freeze(inner);
    }
    Object.freeze(value);
  }
  return value;
}

class MemoryStore implements PlaygroundStore {
  readonly resources = new ResourceTable();
  readonly #tables = new ObjectTables();
  readonly #feed = new ChangeFeed();
  #revision = 0;

  constructor() {
    for (const name of NAMESPACES) {
      this.create("namespaces", undefined, { metadata: { name } });
    }
  }

  get revision(): number {
    return this.#revision;
  }

  get(resource: ResourceName, namespace: string | undefined, name: string): StoredObject | undefined {
    const found = this.peek(resource, namespace, name);
    return found === undefined ? undefined : structuredClone(found);
  }

  peek(resource: ResourceName, namespace: string | undefined, name: string): StoredObject | undefined {
    const type = this.#type(resource);
    return this.#tables.find(resource, type.namespaced ? namespace : undefined, name);
  }

  list(resource: ResourceName, namespace?: string): StoredObject[] {
    return this.view(resource, namespace).map((object) => structuredClone(object));
  }

  view(resource: ResourceName, namespace?: string): readonly StoredObject[] {
    const type = this.#type(resource);
    const sorted = this.#tables.all(resource);
    return namespace === undefined || !type.namespaced
      ? sorted
      : sorted.filter((object) => object.metadata.namespace === namespace);
  }

  byUid(uid: string): Located | undefined {
    return this.#tables.byUid(uid);
  }

  dependentsOf(uid: string): Located[] {
    return this.#tables.dependentsOf(uid);
  }

  create(
    resource: ResourceName,
    namespace: string | undefined,
    object: NewObject,
    options: WriteOptions = {},
  ): StoredObject {
    const type = this.#type(resource);
    const next = structuredClone(object);
    nameKind(type, next);
    const { metadata } = next;
    const home = homeOf(type, namespace, metadata);
    giveIdentity(metadata);
    const name = metadata.name ?? "";
    if (home === undefined) {
      delete metadata.namespace;
    } else {
      metadata.namespace = home;
      requireLiveNamespace(type, name, home, this.peek("namespaces", undefined, home));
    }
    if (type.generation) {
      metadata.generation = 1;
    }
    applyDefaults(type, next);
    requireValid(type, name, [...problems(type, next), ...applySchema(type, next)]);
    if (this.peek(resource, home, name) !== undefined) {
      throw alreadyExists(type, name);
    }
    if (resource === DEFINITIONS) {
      establish(next);
    }
    return this.#commit(type, next as StoredObject, undefined, options);
  }

  update(resource: ResourceName, object: StoredObject, options: WriteOptions = {}): StoredObject {
    const type = this.#type(resource);
    const current = this.#current(type, object);
    const next = structuredClone(object);
    nameKind(type, next);
    keepIdentity(next, current);
    applyDefaults(type, next);
    if (type.status) {
      if (current.status === undefined) {
        delete next.status;
      } else {
        next.status = structuredClone(current.status);
      }
    }
    requireValid(type, next.metadata.name, [
      ...problems(type, next),
      ...immutabilityProblems(type, current, next),
      ...applySchema(type, next, current),
    ]);
    if (type.generation && !isDeepStrictEqual(next.spec, current.spec)) {
      next.metadata.generation = (current.metadata.generation ?? 0) + 1;
    }
    return this.#commit(type, next, current, options);
  }

  updateStatus(resource: ResourceName, object: StoredObject, options: WriteOptions = {}): StoredObject {
    const type = this.#type(resource);
    const current = this.#current(type, object);
    const next = structuredClone(current);
    if (object.status === undefined) {
      delete next.status;
    } else {
      next.status = structuredClone(object.status);
    }
    requireValid(type, next.metadata.name, applySchema(type, next, current));
    return this.#commit(type, next, current, options);
  }

  delete(resource: ResourceName, namespace: string | undefined, name: string, options: DeleteOptions = {}): void {
    const type = this.#type(resource);
    const current = this.peek(resource, namespace, name);
    if (current === undefined) {
      throw notFound(type, name);
    }
    requireUid(type, current, options.uid);
    if (options.dryRun === true) {
      return;
    }
    const next = structuredClone(current);
    const finalizers = finalizersFor(current, options.propagation);
    if (resource === "namespaces") {
      next.status = { ...next.status, phase: "Terminating" };
    }
    const grace = resource === "pods" ? gracePeriodOf(current, options.gracePeriodSeconds) : 0;
    if (finalizers.length === 0 && grace === 0 && resource !== "namespaces") {
      this.#drop(type, current);
      return;
    }
    if (finalizers.length > 0) {
      next.metadata.finalizers = finalizers;
    }
    startDeletion(next, grace, type.generation);
    this.#commit(type, next, current, {});
  }

  remove(resource: ResourceName, namespace: string | undefined, name: string, uid: string): void {
    const type = this.#type(resource);
    const current = this.peek(resource, namespace, name);
    if (current === undefined || current.metadata.uid !== uid) {
      return;
    }
    if ((current.metadata.finalizers ?? []).length === 0) {
      this.#drop(type, current);
      return;
    }
    const next = structuredClone(current);
    next.metadata.deletionTimestamp ??= apiTime();
    next.metadata.deletionGracePeriodSeconds = 0;
    this.#commit(type, next, current, {});
  }

  subscribe(listener: (event: StoreEvent) => void): Disposable {
    return this.observe(({ type, resource, object }) => {
      listener({ type, resource, object: structuredClone(object) });
    });
  }

  observe(listener: (change: StoreChange) => void): Disposable {
    return this.#feed.observe(listener);
  }

  changesSince(revision: number): readonly StoreChange[] | undefined {
    return this.#feed.since(revision);
  }

  compact(): void {
    // A revision that no object has, so that even the newest one handed out so far counts as old.
    this.#revision += 1;
    this.#feed.forget(this.#revision);
  }

  #type(resource: ResourceName): ResourceType {
    const type = this.resources.get(resource);
    if (type === undefined) {
      throw new StatusError(404, "NotFound", "the server could not find the requested resource", { kind: resource });
    }
    return type;
  }

  /** The stored object that a write names. Throws 404, or 409 unless the write is about its newest version. */
  #current(type: ResourceType, object: StoredObject): StoredObject {
    const { name, namespace } = object.metadata;
    const current = this.peek(type.name, namespace, name);
    if (current === undefined) {
      throw notFound(type, name);
    }
    requireNewest(type, object, current);
    return current;
  }

  #commit(
    type: ResourceType,
    next: StoredObject,
    current: StoredObject | undefined,
    options: WriteOptions,
  ): StoredObject {
    if (current !== undefined) {
      next.metadata.resourceVersion = current.metadata.resourceVersion;
      if (isDeepStrictEqual(next, current)) {
        return structuredClone(current);
      }
    }
    if (options.dryRun === true) {
      return next;
    }
    const { metadata } = next;
    if (current !== undefined && mayGo(next)) {
      const last = structuredClone(next);
      this.#drop(type, freeze(next));
      return last;
    }
    this.#revision += 1;
    metadata.resourceVersion = String(this.#revision);
    const stored = freeze(structuredClone(next));
    this.#tables.put(type.name, stored, current);
    if (type.name === DEFINITIONS) {
      this.resources.register(resourceOfDefinition(stored));
    }
    this.#feed.publish({
      type: current === undefined ? "ADDED" : "MODIFIED",
      resource: type.name,
      object: stored,
      revision: this.#revision,
      ...(current === undefined ? {} : { previous: current }),
    });
    return next;
  }

  #drop(type: ResourceType, current: StoredObject): void {
    const { namespace, name } = current.metadata;
    if (type.name === DEFINITIONS) {
      const custom = resourceOfDefinition(current);
      for (const object of this.view(custom.name)) {
        this.#drop(custom, object);
      }
      this.resources.unregister(custom.name);
    }
    const previous = this.peek(type.name, namespace, name) ?? current;
    this.#tables.take(type.name, previous);
    this.#revision += 1;
    const last = structuredClone(current);
    last.metadata.resourceVersion = String(this.#revision);
    this.#feed.publish({
      type: "DELETED",
      resource: type.name,
      object: freeze(last),
      revision: this.#revision,
      previous,
    });
  }
}

/** An empty cluster's objects: the usual namespaces and nothing else. Everything is in memory. */
export function createObjectStore(): PlaygroundStore {
  return new MemoryStore();
}
