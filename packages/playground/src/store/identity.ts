// What the server, not the caller, sets in an object: its kind, name, uid and times.

import { randomInt, randomUUID } from "node:crypto";

import { badRequest } from "../status-error.ts";
import type { NewObject, StoredObject } from "../world.ts";
import { apiTime } from "./deletion.ts";
import { apiVersionOf, splitApiVersion } from "./resources.ts";
import type { ResourceType } from "./resources.ts";

/** As in Kubernetes: without vowels and look-alikes. */
const NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
/** Longest prefix of a generated name. */
const PREFIX_CHARACTERS = 58;

function randomSuffix(): string {
  return Array.from({ length: 5 }, () => NAME_ALPHABET[randomInt(NAME_ALPHABET.length)]).join("");
}

/** Gives a new object its uid, its creation time and, where the caller left it out, its name. In place. */
export function giveIdentity(metadata: NewObject["metadata"]): void {
  const { name = "", generateName = "" } = metadata;
  if (name === "" && generateName !== "") {
    metadata.name = `${generateName.slice(0, PREFIX_CHARACTERS)}${randomSuffix()}`;
  }
  metadata.uid = randomUUID();
  metadata.creationTimestamp = apiTime();
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.resourceVersion;
}

/** Sets apiVersion and kind to the stored version, in place. Throws 400 for an object of another kind or of a version that is not served. */
export function nameKind(type: ResourceType, object: NewObject): void {
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

/** Restores the fields that the server owns, in place, whatever the caller sent. */
export function keepIdentity(next: StoredObject, current: StoredObject): void {
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

/** The namespace of a new object; `undefined` if its kind has none. Throws 400 if the object names another one than the request. */
export function homeOf(
  type: ResourceType,
  namespace: string | undefined,
  metadata: NewObject["metadata"],
): string | undefined {
  const home = type.namespaced ? (namespace ?? metadata.namespace ?? "default") : undefined;
  if (home !== undefined && metadata.namespace !== undefined && metadata.namespace !== home) {
    throw badRequest(
      `the namespace of the provided object does not match the namespace sent on the request (${metadata.namespace} is not ${home})`,
    );
  }
  return home;
}
