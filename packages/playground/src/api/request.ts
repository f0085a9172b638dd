import type { RequestFacts } from "./fault-plan.ts";
import type { ResourceTable, ResourceType } from "../store/resources.ts";

/** A request for objects, read from its path and query. */
export interface ResourceRequest {
  /** As in RBAC: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`. */
  readonly verb: string;
  readonly resource: ResourceType;
  /** The version in the path, and of the returned objects. */
  readonly version: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  readonly query: URLSearchParams;
}

interface Split {
  readonly group: string;
  readonly version: string;
  readonly rest: readonly string[];
}

function split(path: string): Split | undefined {
  const segments = path.split("/").filter((segment) => segment !== "");
  if (segments[0] === "api" && segments.length >= 3) {
    return { group: "", version: segments[1]!, rest: segments.slice(2) };
  }
  if (segments[0] === "apis" && segments.length >= 4) {
    return { group: segments[1]!, version: segments[2]!, rest: segments.slice(3) };
  }
  return undefined;
}

function verbOf(method: string, named: boolean, watches: boolean): string | undefined {
  switch (method) {
    case "GET":
    case "HEAD":
      return watches ? "watch" : named ? "get" : "list";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return named ? "delete" : "deletecollection";
    default:
      return undefined;
  }
}

function isTrue(value: string | null): boolean {
  return value !== null && value !== "0" && value !== "false";
}

/** `undefined` if the path names no served resource. */
export function parseResourceRequest(method: string, url: URL, resources: ResourceTable): ResourceRequest | undefined {
  const parts = split(url.pathname);
  if (parts === undefined) {
    return undefined;
  }
  const { group, version } = parts;
  let rest = parts.rest.map((segment) => decodeURIComponent(segment));
  let namespace: string | undefined;
  const inNamespace = rest[0] === "namespaces" && rest.length > 2 && !["status", "finalize"].includes(rest[2]!);
  if (inNamespace) {
    namespace = rest[1];
    rest = rest.slice(2);
  }
  const [plural = "", name, ...subresource] = rest;
  const resource = resources.served(group, version, plural);
  const verb = verbOf(method, name !== undefined, isTrue(url.searchParams.get("watch")));
  if (
    resource === undefined ||
    verb === undefined ||
    subresource.length > 1 ||
    (namespace !== undefined && !resource.namespaced) ||
    (resource.namespaced && namespace === undefined && name !== undefined)
  ) {
    return undefined;
  }
  return {
    // Exec and log are `get`, whatever the query contains.
    verb: verb === "watch" && subresource.length > 0 ? "get" : verb,
    resource,
    version,
    namespace,
    name,
    subresource: subresource[0],
    query: url.searchParams,
  };
}

/** The request as fault patterns see it. */
export function factsOf({ verb, resource, subresource, namespace, name }: ResourceRequest): RequestFacts {
  return { verb, resource: resource.name, subresource, namespace, name };
}

/** A flag of the query: false if missing, `0` or `false`. */
export function flag(query: URLSearchParams, name: string): boolean {
  return isTrue(query.get(name));
}
