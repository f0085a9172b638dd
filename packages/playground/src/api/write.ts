import { StatusError, badRequest, conflict, invalid, notFound } from "../status-error.ts";
import { applyFields, isTracked, manageUpdate } from "../store/field-managers.ts";
import { requireNewest } from "../store/preconditions.ts";
import type { WriteOptions } from "../store/playground-store.ts";
import type { ResourceType } from "../store/resources.ts";
import type { NewObject, StoredObject } from "../world.ts";
import type { ApiContext } from "./context.ts";
import { jsonPatch } from "./json-patch.ts";
import { mergePatch, strategicMerge } from "./merge-patch.ts";
import type { ResourceRequest } from "./request.ts";
import { readScale, writeScale } from "./scale.ts";

/** The response to a write. */
export interface WriteAnswer {
  readonly code: number;
  /** A stored object, to be converted to the client's shape; or a finished body. */
  readonly object?: StoredObject;
  readonly body?: unknown;
  /** Sent as a `Warning` header. */
  readonly warning?: string;
}

export function optionsOf(query: URLSearchParams): WriteOptions {
  const dryRun = query.getAll("dryRun");
  if (dryRun.some((value) => value !== "All")) {
    throw badRequest(`dryRun: Unsupported value: "${dryRun.join()}": supported values: "All"`);
  }
  return dryRun.length > 0 ? { dryRun: true } : {};
}

function asObject(body: unknown): NewObject {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw badRequest("the object provided is unrecognized (must be of type runtime.Object)");
  }
  const object = body as NewObject;
  return typeof object.metadata === "object" && object.metadata !== null ? object : { ...object, metadata: {} };
}

/** The object that a request names. Throws 404. */
export function currentOf({ store }: ApiContext, { resource, namespace, name = "" }: ResourceRequest): StoredObject {
  const current = store.peek(resource.name, namespace, name);
  if (current === undefined) {
    throw notFound(resource, name);
  }
  return current;
}

/** POST on a collection. */
export function createObject({ store }: ApiContext, request: ResourceRequest, body: unknown): WriteAnswer {
  const { resource, namespace, query } = request;
  const object = asObject(body);
  if (resource.namespaced && namespace === undefined) {
    throw badRequest("a namespaced object must be created in the collection of a namespace");
  }
  if (object.metadata.resourceVersion !== undefined && object.metadata.resourceVersion !== "") {
    throw badRequest("resourceVersion should not be set on objects to be created");
  }
  if (isTracked(resource)) manageUpdate(object, undefined, managerOf(query));
  // Controllers own the status; a client's is dropped.
  const { status, ...rest } = object;
  const made = store.create(
    resource.name,
    namespace,
    resource.status || status === undefined ? { ...rest, metadata: object.metadata } : object,
    optionsOf(query),
  );
  return { code: 201, object: made };
}

/** Stores the caller's status, or everything but the status. */
function storeObject(context: ApiContext, request: ResourceRequest, object: StoredObject): WriteAnswer {
  const { store } = context;
  const { resource, subresource, query } = request;
  const options = optionsOf(query);
  if (subresource === "status") {
    if (!resource.status) {
      throw notFound(resource, "");
    }
    return { code: 200, object: store.updateStatus(resource.name, object, options) };
  }
  // A patch shares the stored object's metadata, which is frozen.
  const next = isTracked(resource) ? { ...object, metadata: { ...object.metadata } } : object;
  if (isTracked(resource)) manageUpdate(next, currentOf(context, request), managerOf(query));
  return { code: 200, object: store.update(resource.name, next, options) };
}

function sameName(request: ResourceRequest, object: NewObject): void {
  const { name = "", namespace } = request;
  if (object.metadata.name !== undefined && object.metadata.name !== "" && object.metadata.name !== name) {
    throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`);
  }
  if (
    namespace !== undefined &&
    object.metadata.namespace !== undefined &&
    object.metadata.namespace !== "" &&
    object.metadata.namespace !== namespace
  ) {
    throw badRequest(
      `the namespace of the object (${object.metadata.namespace}) does not match the namespace on the request (${namespace})`,
    );
  }
}

/** PUT of an object, of its status or of its scale. */
export function replaceObject(context: ApiContext, request: ResourceRequest, body: unknown): WriteAnswer {
  const current = currentOf(context, request);
  const object = asObject(body);
  sameName(request, object);
  if (request.subresource === "scale") {
    return writeScale(context, request, object, optionsOf(request.query));
  }
  const { name, namespace } = current.metadata;
  const metadata = { ...object.metadata, name, ...(namespace === undefined ? {} : { namespace }) };
  return storeObject(context, request, { ...object, metadata } as StoredObject);
}

const STRATEGIC: ReadonlySet<string> = new Set(["", "apps", "batch", "apiextensions.k8s.io"]);

function patched(resource: ResourceType, current: unknown, patch: unknown, contentType: string): unknown {
  switch (contentType) {
    case "application/json-patch+json":
      return jsonPatch(current, patch);
    case "application/merge-patch+json":
      return mergePatch(current, patch);
    case "application/apply-patch+yaml":
    case "application/strategic-merge-patch+json":
      if (STRATEGIC.has(resource.group)) {
        return strategicMerge(current, patch);
      }
      if (contentType === "application/apply-patch+yaml") {
        return mergePatch(current, patch);
      }
      break;
    default:
  }
  throw new StatusError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, ${STRATEGIC.has(resource.group) ? "application/strategic-merge-patch+json, " : ""}application/apply-patch+yaml`,
  );
}

function managerOf(query: URLSearchParams): string {
  return query.get("fieldManager") ?? "unknown";
}

/** A server-side apply that tracks the managers of fields. */
function applyObject(context: ApiContext, request: ResourceRequest, body: unknown): WriteAnswer {
  const { store } = context;
  const { resource, namespace, name = "", query } = request;
  const { resourceVersion, uid, ...metadata } = asObject(body).metadata;
  const applied = { ...asObject(body), metadata: { ...metadata, name } };
  sameName(request, applied);
  const current = store.peek(resource.name, namespace, name);
  const options = { manager: query.get("fieldManager") ?? "", force: query.get("force") === "true" };
  if (current === undefined) {
    if (uid !== undefined) {
      const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
      throw conflict(resource, name, why);
    }
    const made = store.create(resource.name, namespace, applyFields(applied, undefined, options), optionsOf(query));
    return { code: 201, object: made };
  }
  // The store compares both with those of the stored object, before anything else.
  const expected = {
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    uid: uid ?? current.metadata.uid,
  };
  requireNewest(resource, { ...current, metadata: { ...current.metadata, ...expected } }, current);
  const next = applyFields(applied, current, options) as StoredObject;
  return { code: 200, object: store.update(resource.name, next, optionsOf(query)) };
}

/**
 * PATCH of an object, of its status or of its scale, in the four formats of Kubernetes. Server-side apply tracks the managers of fields of
 * ConfigMaps and Secrets; of other kinds it is a merge.
 */
export function patchObject(
  context: ApiContext,
  request: ResourceRequest,
  patch: unknown,
  contentType: string,
): WriteAnswer {
  const { store } = context;
  const { resource, namespace, name = "", query } = request;
  const isApply = contentType === "application/apply-patch+yaml" && request.subresource === undefined;
  if (isApply && isTracked(resource)) return applyObject(context, request, patch);
  if (isApply && store.peek(resource.name, namespace, name) === undefined) {
    return createObject(context, request, patch);
  }
  const current = currentOf(context, request);
  if (request.subresource === "scale") {
    const scale = patched(resource, readScale(request, current), patch, contentType);
    return writeScale(context, request, asObject(scale), optionsOf(query));
  }
  const next = asObject(patched(resource, current, patch, contentType)) as StoredObject;
  sameName(request, next);
  if (next.metadata.uid !== current.metadata.uid && next.metadata.uid !== undefined) {
    throw invalid(resource, name, [
      {
        reason: "FieldValueInvalid",
        message: `Invalid value: "${next.metadata.uid}": field is immutable`,
        field: "metadata.uid",
      },
    ]);
  }
  return storeObject(context, request, next);
}
