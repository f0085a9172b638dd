import type { KubeObject, ObjectMeta } from "@kinsync/core/contract";
import { obsolete, type Fact } from "./facts.ts";
import { controllerUidOf, isDeleting, isFinished } from "./objects.ts";
import { streamOf, type Type } from "./types.ts";

/** One write to the API, as a watch of the object's type delivers it. */
export interface Version {
  /** Number of the write. It grows over all types. */
  readonly at: number;
  readonly object: KubeObject;
  readonly isDeleted: boolean;
  readonly facts: readonly Fact[];
}

/** A new object. Metadata that the API server sets is missing. */
export interface Draft extends Type {
  readonly metadata: Pick<ObjectMeta, "name"> &
    Partial<Pick<ObjectMeta, "labels" | "annotations" | "ownerReferences" | "generation">>;
  readonly spec?: object;
  readonly status?: object;
  /** Fields beside `metadata`, such as the number of a ControllerRevision. */
  readonly more?: object;
}

/** What a write changes: labels, annotations and fields that are named; `undefined` removes them. */
export interface Change {
  readonly labels?: Readonly<Record<string, string | undefined>>;
  readonly annotations?: Readonly<Record<string, string | undefined>>;
  readonly ownerReferences?: ObjectMeta["ownerReferences"];
  readonly spec?: object;
  readonly status?: object;
  readonly more?: object;
}

/** A write that the API server refuses: another one came first, or the object is gone, or its name is taken. */
export class Refused extends Error {}

const NAMESPACE = "lab";
const EPOCH_MS = Date.UTC(2026, 0, 1);

/** The objects of a cluster, and every write to them in order. Times are virtual. */
export class Store {
  readonly #objects = new Map<string, KubeObject>();
  /** Removed objects as they were last. */
  readonly #removed = new Map<string, KubeObject>();
  /** UIDs of the objects that an owner controls or has controlled, by the owner's UID. */
  readonly #everOwned = new Map<string, Set<string>>();
  readonly #streams = new Map<string, Version[]>();
  #writes = 0;
  #created = 0;
  #seconds = 0;

  /** Number of the last write. */
  get writes(): number {
    return this.#writes;
  }

  get now(): string {
    return new Date(EPOCH_MS + this.#seconds * 1000).toISOString().replace(".000", "");
  }

  /** All writes by the stream of their type. */
  get streams(): ReadonlyMap<string, readonly Version[]> {
    return this.#streams;
  }

  passTime(seconds: number): void {
    this.#seconds += seconds;
  }

  get(uid: string | undefined): KubeObject | undefined {
    return uid === undefined ? undefined : this.#objects.get(uid);
  }

  /** An object as it is, or as it was last. */
  last(uid: string): KubeObject | undefined {
    return this.#objects.get(uid) ?? this.#removed.get(uid);
  }

  find(type: Type, name: string): KubeObject | undefined {
    return this.list(type).find(({ metadata }) => metadata.name === name);
  }

  /** In the order of creation. */
  list({ apiVersion, kind }: Type): KubeObject[] {
    return [...this.#objects.values()].filter((object) => object.kind === kind && object.apiVersion === apiVersion);
  }

  /** Objects of a type that this owner controls, in the order of creation. */
  ownedBy(uid: string, type: Type): KubeObject[] {
    return this.list(type).filter((object) => controllerUidOf(object) === uid);
  }

  /** Also those that are gone, or that it has released: a client may not know that yet. */
  everOwnedBy(uid: string, { apiVersion, kind }: Type): KubeObject[] {
    return [...(this.#everOwned.get(uid) ?? [])]
      .flatMap((owned) => this.last(owned) ?? [])
      .filter((object) => object.kind === kind && object.apiVersion === apiVersion);
  }

  all(): KubeObject[] {
    return [...this.#objects.values()];
  }

  create({ apiVersion, kind, metadata, spec, status, more }: Draft, facts: readonly Fact[] = []): KubeObject {
    if (this.find({ apiVersion, kind }, metadata.name) !== undefined) throw new Refused(`${metadata.name} exists`);
    this.#created += 1;
    const object: KubeObject = {
      ...more,
      apiVersion,
      kind,
      metadata: {
        namespace: NAMESPACE,
        uid: uidOf(this.#created),
        creationTimestamp: this.now,
        ...(kind === "Pod" ? {} : { generation: 1 }),
        ...metadata,
      },
      ...(spec === undefined ? {} : { spec: spec as Record<string, unknown> }),
      ...(status === undefined ? {} : { status: status as Record<string, unknown> }),
    };
    return this.#write(object, false, facts);
  }

  /** Changes an object if it is still as it was read. */
  update({ metadata }: KubeObject, change: Change, facts: readonly Fact[] = []): KubeObject {
    const current = this.#objects.get(metadata.uid);
    if (current?.metadata.resourceVersion !== metadata.resourceVersion) throw new Refused(`${metadata.name} differs`);
    return this.patch(metadata.uid, change, facts);
  }

  /** Changes an object as it is now. */
  patch(uid: string, change: Change, facts: readonly Fact[] = []): KubeObject {
    const current = this.#objects.get(uid);
    if (current === undefined) throw new Refused(`${uid} is gone`);
    const spec = change.spec === undefined ? current.spec : present({ ...current.spec, ...change.spec });
    const status = change.status === undefined ? current.status : present({ ...current.status, ...change.status });
    const { metadata } = current;
    const hasNewSpec = metadata.generation !== undefined && JSON.stringify(spec) !== JSON.stringify(current.spec);
    const changed: KubeObject = {
      ...current,
      ...change.more,
      metadata: {
        ...metadata,
        ...(change.labels === undefined ? {} : { labels: present({ ...metadata.labels, ...change.labels }) }),
        ...(change.annotations === undefined
          ? {}
          : { annotations: present({ ...metadata.annotations, ...change.annotations }) }),
        ...(change.ownerReferences === undefined ? {} : { ownerReferences: change.ownerReferences }),
        ...(hasNewSpec ? { generation: (metadata.generation ?? 0) + 1 } : {}),
      },
      ...(spec === undefined ? {} : { spec }),
      ...(status === undefined ? {} : { status }),
    };
    return this.#write(changed, false, facts);
  }

  /** Sets the time of deletion. The object stays until something removes it: the kubelet, the garbage collector, a controller. */
  markDeleted(uid: string): void {
    const current = this.#objects.get(uid);
    if (current === undefined || isDeleting(current)) return;
    this.#write({ ...current, metadata: { ...current.metadata, deletionTimestamp: this.now } }, false, []);
  }

  remove(uid: string): void {
    const current = this.#objects.get(uid);
    if (current !== undefined) this.#write(current, true, []);
  }

  #write(written: KubeObject, isDeleted: boolean, facts: readonly Fact[]): KubeObject {
    this.#writes += 1;
    const { uid } = written.metadata;
    const object: KubeObject = { ...written, metadata: { ...written.metadata, resourceVersion: String(this.#writes) } };
    if (isDeleted) {
      this.#objects.delete(uid);
      this.#removed.set(uid, object);
    } else this.#objects.set(uid, object);
    const owner = controllerUidOf(object);
    if (owner !== undefined) {
      const owned = this.#everOwned.get(owner) ?? new Set<string>();
      this.#everOwned.set(owner, owned.add(uid));
    }
    const ends = isDeleting(object) || (object.kind === "Pod" && isFinished(object));
    const stream = streamOf(object);
    const versions = this.#streams.get(stream) ?? [];
    this.#streams.set(stream, versions);
    versions.push({
      at: this.#writes,
      object,
      isDeleted,
      // An object that is being deleted takes its pods with it.
      facts: ends ? [...facts, ...obsolete(uid)] : facts,
    });
    return object;
  }
}

/** Unlike the order of creation, so that a rule that reads an order into UIDs fails. */
function uidOf(created: number): string {
  const mixed = Math.imul(created ^ (created >>> 16), 0x9e37_79b1) >>> 0;
  return `${mixed.toString(16).padStart(8, "0")}-${created}`;
}

function present<Value>(fields: Readonly<Record<string, Value | undefined>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, Value] => entry[1] !== undefined));
}
