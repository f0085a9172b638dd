import { invalid, notFound } from "../status-error.ts";
import type { WriteOptions } from "../store/playground-store.ts";
import type { NewObject, StoredObject } from "../world.ts";
import type { ApiContext } from "./context.ts";
import type { ResourceRequest } from "./request.ts";

function at(object: unknown, path: string): unknown {
  let value = object;
  for (const part of path.split(".")) {
    value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[part] : undefined;
  }
  return value;
}

function put(object: Record<string, unknown>, path: string, value: unknown): void {
  const parts = path.split(".");
  const last = parts.pop()!;
  let holder = object;
  for (const part of parts) {
    holder[part] ??= {};
    holder = holder[part] as Record<string, unknown>;
  }
  holder[last] = value;
}

/** An object's `Scale` of autoscaling/v1. Throws 404 if its kind has none. */
export function readScale({ resource }: ResourceRequest, object: StoredObject): Record<string, unknown> {
  const { scale } = resource;
  if (scale === undefined) {
    throw notFound(resource, object.metadata.name);
  }
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const labels = at(object, "spec.selector.matchLabels") as Record<string, string> | undefined;
  const selector =
    scale.selector === undefined
      ? Object.entries(labels ?? {})
          .map(([key, value]) => `${key}=${value}`)
          .join(",")
      : at(object, scale.selector);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: at(object, scale.specReplicas) ?? 0 },
    status: { replicas: at(object, scale.statusReplicas) ?? 0, selector },
  };
}

/** Sets an object's replicas from its `Scale`. */
export function writeScale(
  { store }: ApiContext,
  request: ResourceRequest,
  scale: NewObject,
  options: WriteOptions,
): { code: number; body: unknown } {
  const { resource, namespace, name = "" } = request;
  const object = store.get(resource.name, namespace, name);
  if (object === undefined || resource.scale === undefined) {
    throw notFound(resource, name);
  }
  const replicas = scale.spec?.["replicas"] ?? 0;
  if (typeof replicas !== "number" || !Number.isInteger(replicas) || replicas < 0) {
    throw invalid({ group: "autoscaling", plural: "scales", kind: "Scale" }, name, [
      {
        reason: "FieldValueInvalid",
        message: `Invalid value: ${JSON.stringify(replicas)}: must be greater than or equal to 0`,
        field: "spec.replicas",
      },
    ]);
  }
  const { uid, resourceVersion } = scale.metadata;
  if (uid !== undefined) {
    object.metadata.uid = uid;
  }
  if (resourceVersion !== undefined) {
    object.metadata.resourceVersion = resourceVersion;
  }
  put(object, resource.scale.specReplicas, replicas);
  return { code: 200, body: readScale(request, store.update(resource.name, object, options)) };
}
