import type { ResourceType } from "../contract/resource.ts";

/** The core group's pods: always watched. */
export const PODS: ResourceType = Object.freeze({
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  namespaced: true,
  shortNames: Object.freeze(["po"]),
});

/** `jobs.batch`; the bare plural in the core group, as in kubectl and RBAC. */
export function resourceName(resource: Pick<ResourceType, "group" | "plural">): string {
  return resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
}

/** `batch/v1`; `v1` in the core group. */
export function apiVersionOf(resource: Pick<ResourceType, "group" | "version">): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** Group and version of an `apiVersion`. */
export function parseApiVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const slash = apiVersion.indexOf("/");
  return slash < 0
    ? { group: "", version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** `/api/v1`, `/apis/batch/v1`. */
export function groupVersionPath(resource: Pick<ResourceType, "group" | "version">): string {
  return resource.group === ""
    ? `/api/${encodeURIComponent(resource.version)}`
    : `/apis/${encodeURIComponent(resource.group)}/${encodeURIComponent(resource.version)}`;
}

/** Path of a list, or of one object where `name` is given. `namespace` is left out for cluster-scoped resources. */
export function resourcePath(resource: ResourceType, namespace: string | undefined, name?: string): string {
  const scope =
    namespace === undefined || resource.namespaced === false ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  const object = name === undefined ? "" : `/${encodeURIComponent(name)}`;
  return `${groupVersionPath(resource)}${scope}/${encodeURIComponent(resource.plural)}${object}`;
}

export function isPods(resource: Pick<ResourceType, "group" | "plural">): boolean {
  return resource.group === "" && resource.plural === "pods";
}
