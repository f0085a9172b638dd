import { randomInt, randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";

import { StatusError, alreadyExists, badRequest, conflict, forbidden, invalid, notFound } from "../status-error.ts";
import type { NewObject, ObjectStore, Propagation, ResourceName, StoreEvent, StoredObject } from "../world.ts";
import { ChangeFeed } from "./change-feed.ts";
import type { StoreChange } from "./change-feed.ts";
import { applyDefaults } from "./defaults.ts";
import { DEFINITIONS, establish, resourceOfDefinition } from "./definitions.ts";
import { apiTime, finalizersFor, gracePeriodOf, mayGo } from "./deletion.ts";
import { applySchema } from "./custom-schema.ts";
import { immutabilityProblems } from "./immutability.ts";
import { ObjectTables } from "./object-tables.ts";
import type { Located } from "./object-tables.ts";
import { ResourceTable, apiVersionOf, splitApiVersion } from "./resources.ts";
import type { ResourceType } from "./resources.ts";
import { problems } from "./validation.ts";

/** How a write differs from a plain one. */
export interface WriteOptions {
  /** Does everything but keep the result. Default: `false`. */
  readonly dryRun?: boolean;
}

/** What a deletion may ask for. */
export interface DeleteOptions extends WriteOptions {
  /** Default: what the object's finalizers ask for, else `Background`. */
  readonly propagation?: Propagation;
  /** Seconds; pods only. Default: the pod's `terminationGracePeriodSeconds`. 0 takes the object away at once. */
  readonly gracePeriodSeconds?: number;
  /** 409 unless the object has this uid. */
  readonly uid?: string;
}

/** The store as the API server and the garbage collector see it: `ObjectStore` and the parts that no controller needs. */
export interface PlaygroundStore extends ObjectStore {
  /** The kinds that can be stored; custom resources come and go with their definition objects. */
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
  /** Every change after `revision`, oldest first; `undefined` where the history does not reach back that far. */
  changesSince(revision: number): readonly StoreChange[] | undefined;
  /** Forgets the history: every older resourceVersion is expired from now on. */
  compact(): void;
  /** As `subscribe`, but with frozen objects and the object before the change. */
  observe(listener: (change: StoreChange) => void): Disposable;
}

const NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
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

function randomSuffix(): string {
  return Array.from({ length: 5 }, () => NAME_ALPHABET[randomInt(NAME_ALPHABET.length)]).join("");
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
    this.#nameKind(type, next);
    const { metadata } = next;
    const home = type.namespaced ? (namespace ?? metadata.namespace ?? "default") : undefined;
    if (home !== undefined && metadata.namespace !== undefined && metadata.namespace !== home) {
      throw badRequest(
        `the namespace of the provided object does not match the namespace sent on the request (${metadata.namespace} is not ${home})`,
      );
    }
    if (metadata.name === undefined || metadata.name === "") {
      if (metadata.generateName !== undefined && metadata.generateName !== "") {
        metadata.name = `${metadata.generateName.slice(0, 58)}${randomSuffix()}`;
      }
    }
    const name = metadata.name ?? "";
    metadata.uid = randomUUID();
    metadata.creationTimestamp = apiTime();
    delete metadata.deletionTimestamp;
    delete metadata.deletionGracePeriodSeconds;
    delete metadata.resourceVersion;
    if (home === undefined) {
      delete metadata.namespace;
    } else {
      metadata.namespace = home;
      this.#requireLiveNamespace(type, home, name);
    }
    if (type.generation) {
      metadata.generation = 1;
    }
    applyDefaults(type, next);
    const wrong = [...problems(type, next), ...applySchema(type, next)];
    if (wrong.length > 0) {
      throw invalid(type, name, wrong);
    }
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
    this.#nameKind(type, next);
    this.#keepIdentity(next, current);
    applyDefaults(type, next);
    if (type.status) {
      if (current.status === undefined) {
        delete next.status;
      } else {
        next.status = structuredClone(current.status);
      }
    }
    const wrong = [
      ...problems(type, next),
      ...immutabilityProblems(type, current, next),
      ...applySchema(type, next, current),
    ];
    if (wrong.length > 0) {
      throw invalid(type, next.metadata.name, wrong);
    }
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
    const wrong = applySchema(type, next, current);
    if (wrong.length > 0) {
      throw invalid(type, next.metadata.name, wrong);
    }
    return this.#commit(type, next, current, options);
  }

  delete(resource: ResourceName, namespace: string | undefined, name: string, options: DeleteOptions = {}): void {
    const type = this.#type(resource);
    const current = this.peek(resource, namespace, name);
    if (current === undefined) {
      throw notFound(type, name);
    }
    if (options.uid !== undefined && options.uid !== current.metadata.uid) {
      throw conflict(
        type,
        name,
        `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${current.metadata.uid}`,
      );
    }
    if (options.dryRun === true) {
      return;
    }
    const next = structuredClone(current);
    const { metadata } = next;
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
      metadata.finalizers = finalizers;
    }
    if (metadata.deletionTimestamp === undefined) {
      // The API tells when the grace period ends, not when the deletion was asked for.
      metadata.deletionTimestamp = apiTime(grace);
      metadata.deletionGracePeriodSeconds = grace;
      if (type.generation) {
        metadata.generation = (metadata.generation ?? 0) + 1;
      }
    } else if (grace < (metadata.deletionGracePeriodSeconds ?? 0)) {
      metadata.deletionTimestamp = apiTime(grace);
      metadata.deletionGracePeriodSeconds = grace;
    }
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

  /** Names the kind in its stored version; an object of another kind or of a version that is not served is refused. */
  #nameKind(type: ResourceType, object: NewObject): void {
    const [group, version] = splitApiVersion(object.apiVersion ?? apiVersionOf(type));
    if (group !== type.group || !type.versions.includes(version)) {
      throw badRequest(
        `the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersionOf(type)})`,
      );
    }
    if (object.kind !== undefined && object.kind !== "" && object.kind !== type.kind) {
      throw badRequest(`the kind in the data (${object.kind}) does not match the expected kind (${type.kind})`);
    }
    object.apiVersion = apiVersionOf(type);
    object.kind = type.kind;
    object.metadata ??= {};
  }

  #requireLiveNamespace(type: ResourceType, namespace: string, name: string): void {
    const home = this.peek("namespaces", undefined, namespace);
    if (home === undefined) {
      throw notFound({ group: "", plural: "namespaces", kind: "Namespace" }, namespace);
    }
    if (home.metadata.deletionTimestamp !== undefined) {
      throw forbidden(
        type,
        name,
        `unable to create new content in namespace ${namespace} because it is being terminated`,
      );
    }
  }

  #current(type: ResourceType, object: StoredObject): StoredObject {
    const { name, namespace, uid, resourceVersion } = object.metadata;
    const current = this.peek(type.name, namespace, name);
    if (current === undefined) {
      throw notFound(type, name);
    }
    if (uid !== undefined && uid !== "" && uid !== current.metadata.uid) {
      throw conflict(
        type,
        name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`,
      );
    }
    if (
      resourceVersion !== undefined &&
      resourceVersion !== "" &&
      resourceVersion !== current.metadata.resourceVersion
    ) {
      throw conflict(
        type,
        name,
        "the object has been modified; please apply your changes to the latest version and try again",
      );
    }
    return current;
  }

  /** Fields that belong to the server are what they were, whatever the caller sent. */
  #keepIdentity(next: StoredObject, current: StoredObject): void {
    const fields = [
      "uid",
      "namespace",
      "creationTimestamp",
      "generation",
      "generateName",
      "deletionTimestamp",
      "deletionGracePeriodSeconds",
    ] as const;
    const kept: Partial<StoredObject["metadata"]> = {};
    for (const field of fields) {
      delete next.metadata[field as "generation"];
      if (current.metadata[field] !== undefined) {
        Object.assign(kept, { [field]: current.metadata[field] });
      }
    }
    Object.assign(next.metadata, kept);
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
