// What must hold before a write: the caller's object is the stored one, and its namespace accepts objects.

import { conflict, forbidden, invalid, notFound } from "../status-error.ts";
import type { ResourceNames, StatusCause } from "../status-error.ts";
import type { StoredObject } from "../world.ts";

/** Throws 422 if there are causes. */
export function requireValid(type: ResourceNames, name: string, causes: readonly StatusCause[]): void {
  if (causes.length > 0) {
    throw invalid(type, name, causes);
  }
}

/** Throws 409 unless the stored object has this uid; `undefined` matches every object. */
export function requireUid(type: ResourceNames, current: StoredObject, uid: string | undefined): void {
  const { name, uid: stored } = current.metadata;
  if (uid !== undefined && uid !== stored) {
    throw conflict(type, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${stored}`);
  }
}

/** Throws 409 if the caller's object is another one than the stored object, or an older version of it. */
export function requireNewest(type: ResourceNames, object: StoredObject, current: StoredObject): void {
  const { uid, resourceVersion } = object.metadata;
  requireUid(type, current, uid === "" ? undefined : uid);
  if (resourceVersion !== undefined && resourceVersion !== "" && resourceVersion !== current.metadata.resourceVersion) {
    throw conflict(
      type,
      current.metadata.name,
      "the object has been modified; please apply your changes to the latest version and try again",
    );
  }
}

/** Throws 404 if the namespace is missing, 403 if it is being deleted. */
export function requireLiveNamespace(
  type: ResourceNames,
  name: string,
  namespace: string,
  stored: StoredObject | undefined,
): void {
  if (stored === undefined) {
    throw notFound({ group: "", plural: "namespaces", kind: "Namespace" }, namespace);
  }
  if (stored.metadata.deletionTimestamp !== undefined) {
    throw forbidden(
      type,
      name,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
    );
  }
}
