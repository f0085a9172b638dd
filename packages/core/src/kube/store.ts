import type { KubeObject } from "../contract/resource.ts";
import { deepFreeze, sameObject } from "./trim.ts";

/** One change of the store. `previous` is the object that it held under that UID before. */
export type StoreChange =
  | { readonly type: "added"; readonly object: KubeObject }
  | { readonly type: "modified"; readonly object: KubeObject; readonly previous: KubeObject }
  | { readonly type: "deleted"; readonly object: KubeObject };

const NONE: ReadonlySet<KubeObject> = new Set();

/**
 * The objects of one list-and-watch, by UID, with an index by owner UID. A name can return with another UID, so names
 * only serve to find the object that was replaced. Objects are trimmed and frozen on arrival.
 */
export class ObjectStore {
  readonly #trim: (raw: unknown) => KubeObject;
  readonly #objects = new Map<string, KubeObject>();
  /** By namespace, then by name. */
  readonly #uids = new Map<string, Map<string, string>>();
  readonly #ofOwner = new Map<string, Set<KubeObject>>();

  constructor(trim: (raw: unknown) => KubeObject) {
    this.#trim = trim;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(uid: string): KubeObject | undefined {
    return this.#objects.get(uid);
  }

  values(): Iterable<KubeObject> {
    return this.#objects.values();
  }

  /** Every object with an owner reference to that UID, whatever `controller` says. */
  byOwner(uid: string): ReadonlySet<KubeObject> {
    return this.#ofOwner.get(uid) ?? NONE;
  }

  /** Adds or replaces an object. There is no change where it only differs in fields that are trimmed. */
  put(raw: unknown): StoreChange[] {
    const changes: StoreChange[] = [];
    this.#put(this.#trim(raw), changes);
    return changes;
  }

  /** Removes the object with the UID of this one. */
  remove(raw: unknown): StoreChange[] {
    const uid = (raw as Partial<KubeObject> | undefined)?.metadata?.uid;
    const held = uid === undefined ? undefined : this.#objects.get(uid);
    if (held === undefined) return [];
    this.#drop(held);
    return [{ type: "deleted", object: held }];
  }

  /** Stores a whole list; objects that are not in it are removed. */
  replace(raws: readonly unknown[]): StoreChange[] {
    const changes: StoreChange[] = [];
    const arrived = raws.map(this.#trim);
    const uids = new Set(arrived.map((object) => object.metadata.uid));
    for (const held of this.#objects.values()) {
      if (uids.has(held.metadata.uid)) continue;
      this.#drop(held);
      changes.push({ type: "deleted", object: held });
    }
    for (const object of arrived) this.#put(object, changes);
    return changes;
  }

  #put(object: KubeObject, changes: StoreChange[]): void {
    const { uid, name, namespace = "", resourceVersion } = object.metadata;
    const holder = this.#uids.get(namespace)?.get(name);
    if (holder !== undefined && holder !== uid) {
      // The event of its deletion was missed: a name has one object at a time.
      const former = this.#objects.get(holder);
      if (former !== undefined) {
        this.#drop(former);
        changes.push({ type: "deleted", object: former });
      }
    }
    const previous = this.#objects.get(uid);
    if (previous !== undefined) {
      if (resourceVersion !== undefined && previous.metadata.resourceVersion === resourceVersion) return;
      if (sameObject(previous, object)) return;
      this.#unlink(previous);
    }
    deepFreeze(object);
    this.#objects.set(uid, object);
    let uids = this.#uids.get(namespace);
    if (uids === undefined) this.#uids.set(namespace, (uids = new Map()));
    uids.set(name, uid);
    this.#link(object);
    changes.push(previous === undefined ? { type: "added", object } : { type: "modified", object, previous });
  }

  #drop(object: KubeObject): void {
    const { uid, name, namespace = "" } = object.metadata;
    this.#objects.delete(uid);
    this.#unlink(object);
    const uids = this.#uids.get(namespace);
    if (uids?.get(name) === uid) uids.delete(name);
    if (uids?.size === 0) this.#uids.delete(namespace);
  }

  #link(object: KubeObject): void {
    for (const { uid } of object.metadata.ownerReferences ?? []) {
      let owned = this.#ofOwner.get(uid);
      if (owned === undefined) {
        owned = new Set();
        this.#ofOwner.set(uid, owned);
      }
      owned.add(object);
    }
  }

  #unlink(object: KubeObject): void {
    for (const { uid } of object.metadata.ownerReferences ?? []) {
      const owned = this.#ofOwner.get(uid);
      owned?.delete(object);
      if (owned?.size === 0) this.#ofOwner.delete(uid);
    }
  }
}
