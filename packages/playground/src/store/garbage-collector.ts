import { StatusError } from "../status-error.ts";
import type { Propagation, ResourceName, StoredObject } from "../world.ts";
import type { PlaygroundStore } from "./playground-store.ts";

const FOREGROUND = "foregroundDeletion";
const ORPHAN = "orphan";

type OwnerReference = NonNullable<StoredObject["metadata"]["ownerReferences"]>[number];

function holds(object: StoredObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) === true;
}

function isDying(object: StoredObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** The running garbage collector. */
export interface GarbageCollector extends Disposable {
  /** Pauses collecting until the returned handle is disposed: dependents stay although their owners are deleted. */
  hold(): Disposable;
}

/**
 * Starts collecting by owner references, by the rules of the real garbage collector, and emptying
 * namespaces that are being deleted. It works after each change, never within it, so that the moment "owner deleted,
 * dependent still exists" occurs as in a real cluster.
 */
export function startGarbageCollector(store: PlaygroundStore): GarbageCollector {
  const dirty = new Set<string>();
  const namespaces = new Set<string>();
  let scheduled: NodeJS.Immediate | undefined;
  let holders = 0;

  function schedule(): void {
    if (holders === 0 && (dirty.size > 0 || namespaces.size > 0)) {
      scheduled ??= setImmediate(run);
    }
  }

  function run(): void {
    scheduled = undefined;
    if (holders > 0) {
      return;
    }
    const uids = [...dirty];
    dirty.clear();
    for (const uid of uids) {
      const located = store.byUid(uid);
      if (located !== undefined) {
        attempt(uid, () => collect(located.resource, located.object));
      }
    }
    const homes = [...namespaces];
    namespaces.clear();
    for (const name of homes) {
      emptyNamespace(name);
    }
  }

  /** Another writer may have been faster; its change then enqueues the object again. */
  function attempt(uid: string, step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof StatusError)) {
        throw error;
      }
      if (error.code === 409) {
        dirty.add(uid);
        schedule();
      }
    }
  }

  function dropFinalizer(resource: ResourceName, object: StoredObject, finalizer: string): void {
    const next = structuredClone(object);
    next.metadata.finalizers = (next.metadata.finalizers ?? []).filter((entry) => entry !== finalizer);
    store.update(resource, next);
  }

  function dropOwners(resource: ResourceName, object: StoredObject, drop: (owner: OwnerReference) => boolean): void {
    const next = structuredClone(object);
    const rest = (next.metadata.ownerReferences ?? []).filter((owner) => !drop(owner));
    if (rest.length === 0) {
      delete next.metadata.ownerReferences;
    } else {
      next.metadata.ownerReferences = rest;
    }
    store.update(resource, next);
  }

  function collect(resource: ResourceName, object: StoredObject): void {
    const { uid } = object.metadata;
    if (isDying(object) && holds(object, ORPHAN)) {
      for (const dependent of store.dependentsOf(uid)) {
        dropOwners(dependent.resource, dependent.object, (owner) => owner.uid === uid);
      }
      dropFinalizer(resource, object, ORPHAN);
      return;
    }
    if (isDying(object) && holds(object, FOREGROUND)) {
      const dependents = store.dependentsOf(uid);
      if (dependents.some((dependent) => blocks(dependent.object, uid))) {
        for (const dependent of dependents) {
          attempt(dependent.object.metadata.uid, () => collectDependent(dependent.resource, dependent.object));
        }
      } else {
        dropFinalizer(resource, object, FOREGROUND);
        return;
      }
    }
    collectDependent(resource, object);
  }

  function blocks(dependent: StoredObject, owner: string): boolean {
    return (dependent.metadata.ownerReferences ?? []).some(
      (reference) => reference.uid === owner && reference.blockOwnerDeletion === true,
    );
  }

  function stateOf(object: StoredObject, owner: OwnerReference): "solid" | "waiting" | "dangling" {
    const found = store.byUid(owner.uid)?.object;
    // An owner in another namespace does not count.
    if (
      found === undefined ||
      (found.metadata.namespace !== undefined && found.metadata.namespace !== object.metadata.namespace)
    ) {
      return "dangling";
    }
    return isDying(found) && holds(found, FOREGROUND) ? "waiting" : "solid";
  }

  function collectDependent(resource: ResourceName, object: StoredObject): void {
    const owners = object.metadata.ownerReferences ?? [];
    if (owners.length === 0 || (isDying(object) && !holds(object, FOREGROUND))) {
      return;
    }
    const states = new Map(owners.map((owner) => [owner.uid, stateOf(object, owner)]));
    const some = (state: string): boolean => [...states.values()].includes(state as "solid");
    if (some("solid")) {
      if (some("waiting") || some("dangling")) {
        dropOwners(resource, object, (owner) => states.get(owner.uid) !== "solid");
      }
      return;
    }
    if (isDying(object)) {
      return;
    }
    const { namespace, name, uid } = object.metadata;
    const propagation: Propagation | undefined =
      some("waiting") && store.dependentsOf(uid).length > 0
        ? "Foreground"
        : holds(object, FOREGROUND) || holds(object, ORPHAN)
          ? undefined
          : "Background";
    store.delete(resource, namespace, name, { uid, ...(propagation === undefined ? {} : { propagation }) });
  }

  function emptyNamespace(name: string): void {
    const namespace = store.peek("namespaces", undefined, name);
    if (namespace === undefined || !isDying(namespace)) {
      return;
    }
    let left = 0;
    for (const type of store.resources.all().filter((entry) => entry.namespaced)) {
      for (const object of store.view(type.name, name)) {
        const { uid } = object.metadata;
        if (!isDying(object)) {
          attempt(uid, () => {
            store.delete(type.name, name, object.metadata.name, { propagation: "Background", uid });
          });
        }
      }
      left += store.view(type.name, name).length;
    }
    if (left === 0) {
      store.remove("namespaces", undefined, name, namespace.metadata.uid);
    }
  }

  const subscription = store.observe(({ type, resource, object, previous }) => {
    const { uid, namespace } = object.metadata;
    for (const owner of previous?.metadata.ownerReferences ?? []) {
      dirty.add(owner.uid);
    }
    if (type === "DELETED") {
      for (const dependent of store.dependentsOf(uid)) {
        dirty.add(dependent.object.metadata.uid);
      }
    } else if (object.metadata.ownerReferences !== undefined || isDying(object)) {
      dirty.add(uid);
    }
    const home = resource === "namespaces" ? object.metadata.name : namespace;
    const owner = home === undefined ? undefined : store.peek("namespaces", undefined, home);
    if (home !== undefined && owner !== undefined && isDying(owner)) {
      namespaces.add(home);
    }
    schedule();
  });

  return {
    hold(): Disposable {
      holders += 1;
      let held = true;
      return {
        [Symbol.dispose]: () => {
          if (held) {
            held = false;
            holders -= 1;
            schedule();
          }
        },
      };
    },
    [Symbol.dispose]: () => {
      subscription[Symbol.dispose]();
      clearImmediate(scheduled);
      // A disposed collector does nothing.
      holders = Number.POSITIVE_INFINITY;
    },
  };
}
