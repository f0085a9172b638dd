import { StatusError } from "../../src/status-error.ts";
import type { PlaygroundStore } from "../../src/store/playground-store.ts";
import type { NewObject, StoredObject } from "../../src/world.ts";

/** A pod of one container that the store accepts. */
export function pod(
  name: string,
  more: Partial<NewObject["metadata"]> = {},
  spec: Record<string, unknown> = {},
): NewObject {
  return { metadata: { name, ...more }, spec: { containers: [{ name: "app", image: "app:1" }], ...spec } };
}

export function configMap(name: string, more: Partial<NewObject["metadata"]> = {}): NewObject {
  return { metadata: { name, ...more } };
}

export function ownedBy(owner: StoredObject, blockOwnerDeletion = true): Partial<NewObject["metadata"]> {
  const { name, uid } = owner.metadata;
  return {
    ownerReferences: [
      { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true, blockOwnerDeletion },
    ],
  };
}

/** The StatusError that the call throws. */
export function failure(run: () => unknown): StatusError {
  try {
    run();
  } catch (error) {
    if (error instanceof StatusError) {
      return error;
    }
    throw error;
  }
  throw new Error("the call threw no StatusError");
}

/** Settles as soon as `holds`; checked after each change. */
export function until(store: PlaygroundStore, holds: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const subscription = store.observe(() => {
    if (holds()) {
      resolve();
    }
  });
  if (holds()) {
    resolve();
  }
  return promise.finally(() => {
    subscription[Symbol.dispose]();
  });
}
