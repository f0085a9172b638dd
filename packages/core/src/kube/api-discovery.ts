import type { ClusterConnection } from "../contract/cluster.ts";
import type { ResourceType } from "../contract/resource.ts";
import { isKinsyncError, type KinsyncError } from "../errors/error.ts";
import { getJson } from "./get-json.ts";
import { groupVersionPath, parseApiVersion } from "./resource-path.ts";

/** A resource that the cluster serves and that can be listed and watched. */
export interface ServedResource extends ResourceType {
  readonly singular: string;
}

/** The resources that the cluster serves, preferred versions first. */
export interface Discovery {
  readonly resources: readonly ServedResource[];
  /** Groups without an answer, such as those of an aggregated API server that is down. */
  readonly problems: readonly KinsyncError[];
}

const AGGREGATED = ["v2", "v2beta1"]
  .map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
  .concat("application/json")
  .join(",");

/** Group versions that are requested at the same time where the server has no aggregated discovery. */
const PARALLEL_REQUESTS = 8;

/** Discovers what the cluster serves: two requests, or one per group version on servers older than 1.26. */
export async function discoverResources(cluster: ClusterConnection, signal: AbortSignal): Promise<Discovery> {
  const roots = await Promise.all([discoverRoot(cluster, "/api", signal), discoverRoot(cluster, "/apis", signal)]);
  return {
    resources: roots.flatMap((root) => root.resources),
    problems: roots.flatMap((root) => root.problems),
  };
}

/**
 * The resource of an owner reference's `apiVersion` and `kind`; `undefined` where the cluster serves none. It may be of another
 * version of the group, since metadata is the same in all versions. Rejects where discovery fails.
 */
export async function discoverKind(
  cluster: ClusterConnection,
  apiVersion: string,
  kind: string,
  signal: AbortSignal,
): Promise<ResourceType | undefined> {
  const { group, version } = parseApiVersion(apiVersion);
  const direct = await discoverVersion(cluster, group, version, signal);
  const found = direct?.find((resource) => resource.kind === kind);
  if (found !== undefined || group === "") return found;
  const answer = await getJson(cluster, { path: `/apis/${encodeURIComponent(group)}` }, `discover ${group}`, signal);
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw answer.error();
  const { versions } = answer.body as { readonly versions?: readonly { readonly version: string }[] };
  for (const other of versions ?? []) {
    if (other.version === version) continue;
    const resources = await discoverVersion(cluster, group, other.version, signal);
    const match = resources?.find((resource) => resource.kind === kind);
    if (match !== undefined) return match;
  }
  return undefined;
}

interface AggregatedGroup {
  readonly metadata?: { readonly name?: string };
  readonly versions?: readonly {
    readonly version: string;
    readonly freshness?: string;
    readonly resources?: readonly {
      readonly resource: string;
      readonly responseKind?: { readonly kind?: string } | null;
      readonly scope?: string;
      readonly singularResource?: string;
      readonly shortNames?: readonly string[];
      readonly verbs?: readonly string[];
    }[];
  }[];
}

interface ClassicRoot {
  readonly kind?: string;
  readonly items?: readonly AggregatedGroup[];
  /** `/api` */
  readonly versions?: readonly string[];
  /** `/apis` */
  readonly groups?: readonly {
    readonly name: string;
    readonly preferredVersion?: { readonly version: string };
    readonly versions: readonly { readonly version: string }[];
  }[];
}

async function discoverRoot(cluster: ClusterConnection, path: string, signal: AbortSignal): Promise<Discovery> {
  const answer = await getJson(cluster, { path, accept: AGGREGATED }, "discover the resources of the cluster", signal);
  if (answer.status !== 200) throw answer.error();
  const root = answer.body as ClassicRoot;
  if (root.kind === "APIGroupDiscoveryList") return { resources: (root.items ?? []).flatMap(ofGroup), problems: [] };
  const groupVersions = [
    ...(root.versions ?? []).map((version) => ({ group: "", version })),
    ...(root.groups ?? []).flatMap((group) => {
      const preferred = group.preferredVersion?.version;
      const versions = group.versions.map(({ version }) => version);
      const others = versions.filter((version) => version !== preferred);
      return (preferred === undefined ? versions : [preferred, ...others]).map((version) => ({
        group: group.name,
        version,
      }));
    }),
  ];
  const found: ServedResource[][] = groupVersions.map(() => []);
  const problems: KinsyncError[] = [];
  let next = 0;
  const discoverNext = async (): Promise<void> => {
    for (let at = next++; at < groupVersions.length; at = next++) {
      const { group, version } = groupVersions[at] as { group: string; version: string };
      const operation = `discover ${group === "" ? version : `${group}/${version}`}`;
      try {
        const one = await getJson(cluster, { path: groupVersionPath({ group, version }) }, operation, signal);
        if (one.status === 200) found[at] = ofVersion(group, version, one.body);
        else problems.push(one.error());
      } catch (error) {
        // An aggregated API server that is down often does not answer at all.
        if (signal.aborted || !isKinsyncError(error)) throw error;
        problems.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_REQUESTS }, discoverNext));
  return { resources: found.flat(), problems };
}

async function discoverVersion(
  cluster: ClusterConnection,
  group: string,
  version: string,
  signal: AbortSignal,
): Promise<ServedResource[] | undefined> {
  const operation = `discover ${group === "" ? version : `${group}/${version}`}`;
  const answer = await getJson(cluster, { path: groupVersionPath({ group, version }) }, operation, signal);
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw answer.error();
  return ofVersion(group, version, answer.body);
}

function ofGroup(group: AggregatedGroup): ServedResource[] {
  const name = group.metadata?.name ?? "";
  return (group.versions ?? []).flatMap(({ version, resources }) =>
    (resources ?? []).flatMap((resource) =>
      canWatch(resource.verbs) && resource.responseKind?.kind !== undefined
        ? [
            {
              group: name,
              version,
              kind: resource.responseKind.kind,
              plural: resource.resource,
              singular: resource.singularResource ?? "",
              namespaced: resource.scope !== "Cluster",
              shortNames: resource.shortNames ?? [],
            },
          ]
        : [],
    ),
  );
}

interface ClassicResource {
  readonly name: string;
  readonly singularName?: string;
  readonly namespaced?: boolean;
  readonly kind: string;
  readonly verbs?: readonly string[];
  readonly shortNames?: readonly string[];
}

function ofVersion(group: string, version: string, body: unknown): ServedResource[] {
  const { resources } = body as { readonly resources?: readonly ClassicResource[] | null };
  return (resources ?? [])
    .filter((resource) => !resource.name.includes("/") && canWatch(resource.verbs))
    .map((resource) => ({
      group,
      version,
      kind: resource.kind,
      plural: resource.name,
      singular: resource.singularName ?? "",
      namespaced: resource.namespaced ?? true,
      shortNames: resource.shortNames ?? [],
    }));
}

function canWatch(verbs: readonly string[] | undefined): boolean {
  return verbs !== undefined && verbs.includes("list") && verbs.includes("watch");
}
