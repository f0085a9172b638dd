import type { ResourceTable, ResourceType } from "../store/resources.ts";

interface Subresource {
  readonly name: string;
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

/** A kind that is created but never stored. */
interface Review {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

/** Kinds that the server evaluates at once. */
export const REVIEWS: readonly Review[] = [
  { group: "authorization.k8s.io", plural: "selfsubjectaccessreviews", kind: "SelfSubjectAccessReview" },
  { group: "authentication.k8s.io", plural: "selfsubjectreviews", kind: "SelfSubjectReview" },
];

const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"] as const;

function subresourcesOf(resource: ResourceType): Subresource[] {
  return [
    ...(resource.status ? [{ name: "status", kind: resource.kind, verbs: ["get", "patch", "update"] }] : []),
    ...(resource.scale === undefined
      ? []
      : [
          {
            name: "scale",
            kind: "Scale",
            group: "autoscaling",
            version: "v1",
            verbs: ["get", "patch", "update"],
          },
        ]),
    ...(resource.name === "pods"
      ? [
          { name: "exec", kind: "PodExecOptions", verbs: ["create", "get"] },
          { name: "log", kind: "Pod", verbs: ["get"] },
          { name: "portforward", kind: "PodPortForwardOptions", verbs: ["create", "get"] },
          { name: "eviction", kind: "Eviction", group: "policy", version: "v1", verbs: ["create"] },
        ]
      : []),
  ];
}

interface GroupVersions {
  readonly group: string;
  readonly versions: readonly string[];
}

function groupsOf(resources: ResourceTable): GroupVersions[] {
  const groups = new Map<string, Set<string>>();
  for (const { group, versions } of resources.all()) {
    const set = groups.get(group) ?? new Set();
    groups.set(group, set);
    for (const version of versions) {
      set.add(version);
    }
  }
  for (const { group } of REVIEWS) {
    groups.set(group, new Set(["v1"]));
  }
  return [...groups].map(([group, versions]) => ({ group, versions: [...versions] }));
}

function groupVersion(group: string, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

function apiGroup({ group, versions }: GroupVersions): Record<string, unknown> {
  const list = versions.map((version) => ({ groupVersion: groupVersion(group, version), version }));
  return { name: group, versions: list, preferredVersion: list[0] };
}

function resourceList(resources: ResourceTable, group: string, version: string): Record<string, unknown> | undefined {
  const own = resources.all().filter((entry) => entry.group === group && entry.versions.includes(version));
  const reviews = version === "v1" ? REVIEWS.filter((entry) => entry.group === group) : [];
  if (own.length + reviews.length === 0) {
    return undefined;
  }
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: groupVersion(group, version),
    resources: [
      ...own.flatMap((resource) => [
        {
          name: resource.plural,
          singularName: resource.singular,
          namespaced: resource.namespaced,
          kind: resource.kind,
          verbs: VERBS,
          ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
          ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
        },
        ...subresourcesOf(resource).map((sub) => ({
          name: `${resource.plural}/${sub.name}`,
          singularName: "",
          namespaced: resource.namespaced,
          ...(sub.group === undefined ? {} : { group: sub.group, version: sub.version }),
          kind: sub.kind,
          verbs: sub.verbs,
        })),
      ]),
      ...reviews.map(({ plural, kind }) => ({
        name: plural,
        singularName: kind.toLowerCase(),
        namespaced: false,
        kind,
        verbs: ["create"],
      })),
    ],
  };
}

function aggregated(resources: ResourceTable, core: boolean): Record<string, unknown> {
  const kindOf = (group: string, version: string, kind: string): Record<string, string> => ({ group, version, kind });
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: groupsOf(resources)
      .filter(({ group }) => (group === "") === core)
      .map(({ group, versions }) => ({
        metadata: { name: group, creationTimestamp: null },
        versions: versions.map((version) => ({
          version,
          freshness: "Current",
          resources: [
            ...resources
              .all()
              .filter((entry) => entry.group === group && entry.versions.includes(version))
              .map((resource) => ({
                resource: resource.plural,
                responseKind: kindOf(group, version, resource.kind),
                scope: resource.namespaced ? "Namespaced" : "Cluster",
                singularResource: resource.singular,
                verbs: VERBS,
                ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
                ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
                subresources: subresourcesOf(resource).map((sub) => ({
                  subresource: sub.name,
                  responseKind: kindOf(sub.group ?? group, sub.version ?? version, sub.kind),
                  verbs: sub.verbs,
                })),
              })),
            ...REVIEWS.filter((review) => review.group === group).map(({ plural, kind }) => ({
              resource: plural,
              responseKind: kindOf(group, version, kind),
              scope: "Cluster",
              singularResource: kind.toLowerCase(),
              verbs: ["create"],
            })),
          ],
        })),
      })),
  };
}

/** One path of an OpenAPI document: enough for kubectl to see that the server validates fields itself. */
function openApiPath(resource: ResourceType, version: string): [string, unknown] {
  const root = resource.group === "" ? `/api/${version}` : `/apis/${resource.group}/${version}`;
  const home = resource.namespaced ? "/namespaces/{namespace}" : "";
  return [
    `${root}${home}/${resource.plural}/{name}`,
    {
      patch: {
        parameters: ["dryRun", "fieldManager", "fieldValidation", "force"].map((name) => ({
          name,
          in: "query",
          schema: { type: "string" },
        })),
        responses: { 200: { description: "OK" } },
        "x-kubernetes-group-version-kind": { group: resource.group, version, kind: resource.kind },
      },
    },
  ];
}

function openApi(resources: ResourceTable, group: string, version: string): unknown {
  const own = resources.all().filter((entry) => entry.group === group && entry.versions.includes(version));
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "playground" },
    paths: Object.fromEntries(own.map((resource) => openApiPath(resource, version))),
    components: { schemas: {} },
  };
}

function openApiIndex(resources: ResourceTable): unknown {
  const paths = groupsOf(resources).flatMap(({ group, versions }) =>
    versions.map((version) => (group === "" ? `api/${version}` : `apis/${group}/${version}`)),
  );
  return {
    paths: Object.fromEntries(paths.map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}` }])),
  };
}

/** The discovery document at a path; `undefined` for any other path. */
export function answerDiscovery(
  path: string,
  resources: ResourceTable,
  options: { readonly aggregated: boolean; readonly version: string; readonly address: string },
): unknown {
  const segments = path.split("/").filter((segment) => segment !== "");
  const [root, first, second, third, ...more] = segments;
  if (more.length > 1) {
    return undefined;
  }
  switch (root) {
    case undefined:
      return { paths: ["/api", "/api/v1", "/apis", "/healthz", "/openapi/v3", "/readyz", "/version"] };
    case "version":
      return {
        major: "1",
        minor: options.version.split(".")[1] ?? "",
        gitVersion: options.version,
        gitCommit: "playground",
        gitTreeState: "clean",
        buildDate: "1970-01-01T00:00:00Z",
        goVersion: "none",
        compiler: "none",
        platform: "linux/amd64",
      };
    case "api":
      if (first === undefined) {
        return options.aggregated
          ? aggregated(resources, true)
          : {
              kind: "APIVersions",
              versions: ["v1"],
              serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: options.address }],
            };
      }
      return second === undefined ? resourceList(resources, "", first) : undefined;
    case "apis": {
      const groups = groupsOf(resources).filter(({ group }) => group !== "");
      if (first === undefined) {
        return options.aggregated
          ? aggregated(resources, false)
          : { kind: "APIGroupList", apiVersion: "v1", groups: groups.map((group) => apiGroup(group)) };
      }
      const group = groups.find((entry) => entry.group === first);
      if (group === undefined || third !== undefined) {
        return undefined;
      }
      return second === undefined
        ? { kind: "APIGroup", apiVersion: "v1", ...apiGroup(group) }
        : resourceList(resources, first, second);
    }
    case "openapi":
      if (first !== "v3") {
        return undefined;
      }
      if (second === undefined) {
        return openApiIndex(resources);
      }
      return second === "api" ? openApi(resources, "", third ?? "v1") : openApi(resources, third ?? "", more[0] ?? "");
    default:
      return undefined;
  }
}

/** The review kind served at a path; `undefined` for any other path. */
export function reviewAt(path: string): Review | undefined {
  return REVIEWS.find(({ group, plural }) => path === `/apis/${group}/v1/${plural}`);
}
