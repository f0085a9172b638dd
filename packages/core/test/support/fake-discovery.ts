import type { ClusterResponse, ResourceType } from "../../src/contract/index.ts";
import { json, text } from "./fake-responses.ts";

/** Answers `/api` and `/apis`: aggregated discovery if the client accepts it, else the names of the groups. */
export function discoverRoot(
  resources: readonly ResourceType[],
  path: "/api" | "/apis",
  isAggregated: boolean,
): ClusterResponse {
  const served = resources.filter(({ group }) => (group === "") === (path === "/api"));
  const groups = [...new Set(served.map(({ group }) => group))];
  if (isAggregated) {
    return json(200, {
      kind: "APIGroupDiscoveryList",
      items: groups.map((group) => ({
        metadata: group === "" ? {} : { name: group },
        versions: versionsOf(served, group).map((version) => ({
          version,
          resources: ofVersion(served, group, version).map((resource) => ({
            resource: resource.plural,
            responseKind: { group: "", version: "", kind: resource.kind },
            scope: resource.namespaced === false ? "Cluster" : "Namespaced",
            singularResource: resource.kind.toLowerCase(),
            shortNames: resource.shortNames ?? [],
            verbs: ["get", "list", "watch"],
          })),
        })),
      })),
    });
  }
  if (path === "/api") return json(200, { kind: "APIVersions", versions: versionsOf(served, "") });
  return json(200, {
    kind: "APIGroupList",
    groups: groups.map((group) => ({
      name: group,
      versions: versionsOf(served, group).map((version) => ({ version, groupVersion: `${group}/${version}` })),
      preferredVersion: { version: versionsOf(served, group)[0] },
    })),
  });
}

/** Answers `/apis/GROUP`. */
export function discoverGroup(resources: readonly ResourceType[], group: string): ClusterResponse {
  const versions = versionsOf(resources, group);
  if (versions.length === 0) return text(404, "404 page not found");
  return json(200, { kind: "APIGroup", name: group, versions: versions.map((version) => ({ version })) });
}

/** Answers `/api/VERSION` and `/apis/GROUP/VERSION` for the resources of that version; there is at least one. */
export function discoverVersion(served: readonly ResourceType[]): ClusterResponse {
  return json(200, {
    kind: "APIResourceList",
    resources: served.flatMap((resource) => [
      {
        name: resource.plural,
        singularName: resource.kind.toLowerCase(),
        namespaced: resource.namespaced !== false,
        kind: resource.kind,
        verbs: ["get", "list", "watch"],
        shortNames: resource.shortNames,
      },
      { name: `${resource.plural}/status`, kind: resource.kind, verbs: ["get"] },
    ]),
  });
}

/** The resources of one version of a group. */
export function ofVersion(resources: readonly ResourceType[], group: string, version: string): ResourceType[] {
  return resources.filter((resource) => resource.group === group && resource.version === version);
}

function versionsOf(resources: readonly ResourceType[], group: string): string[] {
  return [...new Set(resources.filter((resource) => resource.group === group).map(({ version }) => version))];
}
