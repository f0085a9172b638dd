import { StatusError, badRequest, invalid, notFound } from "../status-error.ts";
import type { Status } from "../status-error.ts";
import type { WriteOptions } from "../store/playground-store.ts";
import type { ResourceType } from "../store/resources.ts";
import type { NewObject, Propagation, StoredObject } from "../world.ts";
import type { ApiContext } from "./context.ts";
import { jsonPatch } from "./json-patch.ts";
import { mergePatch, strategicMerge } from "./merge-patch.ts";
import type { ResourceRequest } from "./request.ts";
import { readScale, writeScale } from "./scale.ts";
import { matcherOf } from "./selectors.ts";

/** The response to a write. */
export interface WriteAnswer {
  readonly code: number;
  /** A stored object, to be converted to the client's shape; or a finished body. */
  readonly object?: StoredObject;
  readonly body?: unknown;
  /** Sent as a `Warning` header. */
  readonly warning?: string;
}

function optionsOf(query: URLSearchParams): WriteOptions {
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
  return { code: 200, object: store.update(resource.name, object, options) };
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

/** PATCH of an object, of its status or of its scale, in the four formats of Kubernetes. Server-side apply does not track field owners. */
export function patchObject(
  context: ApiContext,
  request: ResourceRequest,
  patch: unknown,
  contentType: string,
): WriteAnswer {
  const { store } = context;
  const { resource, namespace, name = "", query } = request;
  if (
    contentType === "application/apply-patch+yaml" &&
    request.subresource === undefined &&
    store.peek(resource.name, namespace, name) === undefined
  ) {
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

interface DeleteBody {
  readonly propagationPolicy?: string;
  readonly orphanDependents?: boolean;
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: readonly string[];
}

const POLICIES: readonly string[] = ["Background", "Foreground", "Orphan"] satisfies Propagation[];

function propagationOf(body: DeleteBody, query: URLSearchParams): Propagation | undefined {
  const requested = body.propagationPolicy ?? query.get("propagationPolicy") ?? undefined;
  if (requested === undefined) {
    return body.orphanDependents === true ? "Orphan" : undefined;
  }
  if (!POLICIES.includes(requested)) {
    throw invalid({ group: "meta.k8s.io", plural: "deleteoptions", kind: "DeleteOptions" }, "", [
      {
        reason: "FieldValueInvalid",
        message: `Invalid value: "${requested}": must be one of Background, Foreground, Orphan`,
        field: "propagationPolicy",
      },
    ]);
  }
  return requested as Propagation;
}

function deleteOne(
  { store }: ApiContext,
  resource: ResourceType,
  object: StoredObject,
  body: DeleteBody,
  query: URLSearchParams,
): WriteAnswer {
  const { namespace, name, uid, resourceVersion } = object.metadata;
  const { uid: expectedUid, resourceVersion: expectedVersion } = body.preconditions ?? {};
  if (expectedVersion !== undefined && expectedVersion !== resourceVersion) {
    throw new StatusError(
      409,
      "Conflict",
      `Operation cannot be fulfilled on ${resource.name} "${name}": Precondition failed: ResourceVersion in precondition: ${expectedVersion}, ResourceVersion in object meta: ${resourceVersion}`,
      { name, kind: resource.plural },
    );
  }
  const requested = propagationOf(body, query);
  const isDefaulted =
    requested === undefined && resource.name === "jobs.batch" && object.metadata.finalizers === undefined;
  const propagation = isDefaulted ? "Orphan" : requested;
  const grace =
    body.gracePeriodSeconds ?? (query.has("gracePeriodSeconds") ? Number(query.get("gracePeriodSeconds")) : undefined);
  const dryRun = optionsOf(query).dryRun === true || (body.dryRun ?? []).includes("All");
  store.delete(resource.name, namespace, name, {
    dryRun,
    ...(expectedUid === undefined ? {} : { uid: expectedUid }),
    ...(propagation === undefined ? {} : { propagation }),
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
  });
  const warning = isDefaulted
    ? "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning"
    : undefined;
  const left = store.peek(resource.name, namespace, name);
  const withWarning = warning === undefined ? {} : { warning };
  if (resource.name === "pods" || (left?.metadata.uid === uid && !dryRun)) {
    return { code: 200, object: left?.metadata.uid === uid ? left : object, ...withWarning };
  }
  const status: Status = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name, ...(resource.group === "" ? {} : { group: resource.group }), kind: resource.plural, uid },
  };
  return { code: 200, body: status, ...withWarning };
}

/** DELETE of one object; the options come in the body or in the query. */
export function deleteObject(context: ApiContext, request: ResourceRequest, body: unknown): WriteAnswer {
  return deleteOne(context, request.resource, currentOf(context, request), body ?? {}, request.query);
}

/** DELETE of all objects of a collection that match the selectors. Returns these objects. */
export function deleteCollection(
  context: ApiContext,
  request: ResourceRequest,
  body: unknown,
): readonly StoredObject[] {
  const { resource, namespace, query } = request;
  const matches = matcherOf(query, resource);
  const chosen = context.store.view(resource.name, namespace).filter((object) => matches(object));
  for (const object of chosen) {
    deleteOne(context, resource, object, body ?? {}, query);
  }
  return chosen;
}
