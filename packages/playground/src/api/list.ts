import { StatusError, badRequest, expired } from "../status-error.ts";
import { apiVersionOf } from "../store/resources.ts";
import type { StoredObject } from "../world.ts";
import type { ApiContext } from "./context.ts";
import { includeOf, inVersion } from "./negotiation.ts";
import type { Shape } from "./negotiation.ts";
import type { ResourceRequest } from "./request.ts";
import { matcherOf } from "./selectors.ts";
import { metadataOnly, tableOf } from "./table.ts";

interface Token {
  readonly revision: number;
  /** The last object of the earlier pages. */
  readonly after: string;
}

function keyOf({ metadata }: StoredObject): string {
  return `${metadata.namespace ?? ""}\u0000${metadata.name}`;
}

function encode(token: Token): string {
  return Buffer.from(JSON.stringify(token)).toString("base64url");
}

function decode(text: string): Token {
  try {
    const token = JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as Partial<Token>;
    if (typeof token.revision === "number" && typeof token.after === "string") {
      return { revision: token.revision, after: token.after };
    }
  } catch {
    // Reported below, as for any other invalid token.
  }
  throw badRequest("continue key is not valid");
}

/** A resourceVersion as a number. Throws 400 if it is not a number, 504 if it is newer than `newest`, as the real API server does. */
export function revisionOf(text: string, newest = Number.POSITIVE_INFINITY): number {
  if (!/^\d+$/.test(text)) {
    throw badRequest(`resourceVersion: Invalid value: "${text}": must be a number`);
  }
  const revision = Number(text);
  if (revision > newest) {
    throw new StatusError(504, "Timeout", `Timeout: Too large resource version: ${revision}, current: ${newest}`, {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    });
  }
  return revision;
}

/** The objects as they were at a revision: later changes are reverted. */
function snapshot(
  context: ApiContext,
  { resource, namespace }: ResourceRequest,
  revision: number,
  tooOld: string,
): readonly StoredObject[] {
  const { store } = context;
  const newest = store.view(resource.name, namespace);
  const changes = store.changesSince(revision);
  if (changes === undefined) {
    throw expired(tooOld);
  }
  const own = changes.filter(
    (change) =>
      change.resource === resource.name && (namespace === undefined || change.object.metadata.namespace === namespace),
  );
  if (own.length === 0) {
    return newest;
  }
  const objects = new Map(newest.map((object) => [keyOf(object), object]));
  for (const change of own.toReversed()) {
    const key = keyOf(change.object);
    if (change.previous === undefined) {
      objects.delete(key);
    } else {
      objects.set(key, change.previous);
    }
  }
  return [...objects.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
}

/** Returns a list, in pages if there is a limit; every page shows the state of the first one. */
export function listObjects(context: ApiContext, request: ResourceRequest, shape: Shape): unknown {
  const { resource, version, query, name } = request;
  const { store } = context;
  const limit = Number(query.get("limit") ?? 0);
  const token = query.get("continue") ?? "";
  const requested = query.get("resourceVersion") ?? "";
  if (token !== "" && requested !== "" && requested !== "0") {
    throw badRequest("specifying resource version is not allowed when using continue");
  }
  const from = token === "" ? undefined : decode(token);
  let revision = from?.revision ?? store.revision;
  if (from === undefined && requested !== "" && requested !== "0") {
    const requestedRevision = revisionOf(requested, store.revision);
    if (query.get("resourceVersionMatch") === "Exact") {
      revision = requestedRevision;
    }
  }
  const objects = snapshot(
    context,
    request,
    revision,
    from === undefined
      ? `The resourceVersion for the provided list is too old.`
      : "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
  );
  const matches = matcherOf(query, resource, name);
  const rest = objects.filter((object) => (from === undefined || keyOf(object) > from.after) && matches(object));
  const page = limit > 0 ? rest.slice(0, limit) : rest;
  const last = page.at(-1);
  const more = page.length < rest.length && last !== undefined;
  const selected = (query.get("labelSelector") ?? "") !== "" || (query.get("fieldSelector") ?? "") !== "";
  const metadata = {
    resourceVersion: String(revision),
    ...(more ? { continue: encode({ revision, after: keyOf(last) }) } : {}),
    ...(more && !selected ? { remainingItemCount: rest.length - page.length } : {}),
  };
  switch (shape) {
    case "table":
      return tableOf(resource, version, page, { metadata, include: includeOf(query) });
    case "metadata":
      return {
        kind: "PartialObjectMetadataList",
        apiVersion: "meta.k8s.io/v1",
        metadata,
        items: page.map((object) => metadataOnly(object)),
      };
    default:
      return {
        kind: `${resource.kind}List`,
        apiVersion: apiVersionOf(resource, version),
        metadata,
        items: page.map((object) => inVersion(resource, version, object)),
      };
  }
}
