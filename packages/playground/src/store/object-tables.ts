import type { ResourceName, StoredObject } from "../world.ts";

/** An object and the table that it is in. */
export interface Located {
  readonly resource: ResourceName;
  readonly object: StoredObject;
}

function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ""}\u0000${name}`;
}

/** Stores objects, and finds them by name, uid and owner. Checks no rules. */
export class ObjectTables {
  readonly #objects = new Map<ResourceName, Map<string, StoredObject>>();
  readonly #sorted = new Map<ResourceName, readonly StoredObject[]>();
  readonly #byUid = new Map<string, Located>();
  readonly #dependents = new Map<string, Set<string>>();

  find(resource: ResourceName, namespace: string | undefined, name: string): StoredObject | undefined {
    return this.#objects.get(resource)?.get(keyOf(namespace, name));
  }

  /** Sorted by namespace and name. */
  all(resource: ResourceName): readonly StoredObject[] {
    let sorted = this.#sorted.get(resource);
    if (sorted === undefined) {
      const entries = [...(this.#objects.get(resource) ?? [])];
      sorted = entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, object]) => object);
      this.#sorted.set(resource, sorted);
    }
    return sorted;
  }

  byUid(uid: string): Located | undefined {
    return this.#byUid.get(uid);
  }

  dependentsOf(uid: string): Located[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((dependent) => this.#byUid.get(dependent) ?? []);
  }

  put(resource: ResourceName, object: StoredObject, before: StoredObject | undefined): void {
    const { uid, namespace, name, ownerReferences = [] } = object.metadata;
    const table = this.#objects.get(resource) ?? new Map<string, StoredObject>();
    this.#objects.set(resource, table.set(keyOf(namespace, name), object));
    this.#sorted.delete(resource);
    this.#byUid.set(uid, { resource, object });
    this.#unlink(before);
    for (const owner of ownerReferences) {
      this.#dependents.set(owner.uid, (this.#dependents.get(owner.uid) ?? new Set()).add(uid));
    }
  }

  take(resource: ResourceName, object: StoredObject): void {
    const { uid, namespace, name } = object.metadata;
    this.#objects.get(resource)?.delete(keyOf(namespace, name));
    this.#sorted.delete(resource);
    this.#byUid.delete(uid);
    this.#unlink(object);
  }

  #unlink(object: StoredObject | undefined): void {
    for (const owner of object?.metadata.ownerReferences ?? []) {
      const set = this.#dependents.get(owner.uid);
      set?.delete(object?.metadata.uid ?? "");
      if (set?.size === 0) {
        this.#dependents.delete(owner.uid);
      }
    }
  }
}
