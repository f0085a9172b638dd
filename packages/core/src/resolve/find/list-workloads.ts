import type { ClusterConnection } from "../../contract/cluster.ts";
import type { KubeObject, ResourceType } from "../../contract/resource.ts";
import { discoverResources, type ServedResource } from "../../kube/api-discovery.ts";
import { asKinsyncError, type KinsyncError } from "../../errors/error.ts";
import { getJson } from "../../kube/get-json.ts";
import { PODS, resourceName, resourcePath } from "../../kube/resource-path.ts";
import type { KindEntry } from "../../plugins/host.ts";
import { servesVersion } from "../members/rule.ts";
import type { WorkloadRef } from "../resolution.ts";
import { workloadText } from "./check-workload.ts";

/** Objects of one resource that are listed at most. */
const MAX_OBJECTS = 500;

/** A workload of a namespace. */
export interface ListedWorkload {
  /** As a command line names it: `deployment/web`. */
  readonly name: string;
  readonly ref: WorkloadRef;
  /** Its kind; `undefined` for a pod without an owner. */
  readonly kind: KindEntry | undefined;
  /** The object as the API server sent it. */
  readonly root: KubeObject;
}

export interface ListedWorkloads {
  /** By name. */
  readonly workloads: readonly ListedWorkload[];
  /** Lists that could not be read. */
  readonly problems: readonly KinsyncError[];
}

/**
 * The workloads of a namespace: the objects of the kinds, and pods without an owner; without those that another one of them owns. A kind
 * whose resource the cluster does not serve has none, and costs no request. Never rejects but with the reason of `signal`.
 */
export async function listWorkloads(
  cluster: ClusterConnection,
  kinds: readonly KindEntry[],
  { namespace, signal }: { readonly namespace: string; readonly signal: AbortSignal },
): Promise<ListedWorkloads> {
  const problems: KinsyncError[] = [];
  const list = async (resource: ResourceType, kind: KindEntry | undefined): Promise<readonly ListedWorkload[]> => {
    try {
      return (await listObjects(cluster, resource, { namespace, signal })).map((root): ListedWorkload => {
        const ref = { resource, namespace, name: root.metadata.name };
        return { name: workloadText(ref), ref, kind, root };
      });
    } catch (error) {
      signal.throwIfAborted();
      problems.push(asKinsyncError(error));
      return [];
    }
  };
  const resources = await served(cluster, kinds, signal);
  const lists = await Promise.all([
    ...resources.map(({ resource, kind }) => list(resource, kind)),
    list(PODS, undefined),
  ]);
  const all = lists.flat();
  const uids = new Set(all.map(({ root }) => root.metadata.uid));
  const workloads = all.filter(({ root, kind }) => {
    const owners = (root.metadata.ownerReferences ?? []).filter(({ controller }) => controller === true);
    return kind === undefined ? owners.length === 0 : !owners.some(({ uid }) => uids.has(uid));
  });
  return { workloads: workloads.sort((a, b) => (a.name < b.name ? -1 : 1)), problems };
}

/** The kinds that the cluster serves, each in its first served version; all of them where that is not known. */
async function served(
  cluster: ClusterConnection,
  kinds: readonly KindEntry[],
  signal: AbortSignal,
): Promise<readonly { readonly resource: ResourceType; readonly kind: KindEntry }[]> {
  let found: readonly ServedResource[];
  try {
    found = (await discoverResources(cluster, signal)).resources;
  } catch {
    signal.throwIfAborted();
    return kinds.map((kind) => ({ resource: kind.root, kind }));
  }
  return kinds.flatMap((kind) => {
    const { root } = kind;
    const same = found.filter(
      (resource) => resource.group === root.group && resource.kind === root.kind && servesVersion(kind, resource),
    );
    const version = [root.version, ...(root.versions ?? [])].find((each) => same.some((one) => one.version === each));
    return version === undefined ? [] : [{ resource: { ...root, version }, kind }];
  });
}

async function listObjects(
  cluster: ClusterConnection,
  resource: ResourceType,
  { namespace, signal }: { readonly namespace: string; readonly signal: AbortSignal },
): Promise<readonly KubeObject[]> {
  const what = `list ${resourceName(resource)} in namespace ${namespace}`;
  const path = resourcePath(resource, resource.namespaced === false ? undefined : namespace);
  const answer = await getJson(cluster, { path, query: { limit: MAX_OBJECTS } }, what, signal);
  if (answer.status === 404) return [];
  if (answer.status !== 200) throw answer.error();
  return (answer.body as { readonly items?: readonly KubeObject[] | null }).items ?? [];
}
