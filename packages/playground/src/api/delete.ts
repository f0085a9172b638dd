import { StatusError, invalid } from "../status-error.ts";
import type { Status } from "../status-error.ts";
import type { ResourceType } from "../store/resources.ts";
import type { Propagation, StoredObject } from "../world.ts";
import type { ApiContext } from "./context.ts";
import type { ResourceRequest } from "./request.ts";
import { matcherOf } from "./selectors.ts";
import { currentOf, optionsOf } from "./write.ts";
import type { WriteAnswer } from "./write.ts";

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
