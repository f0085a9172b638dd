import type { ClusterConnection } from "../../contract/cluster.ts";
import type { KindPlugin } from "../../contract/kind.ts";
import type { KubeObject, ResourceType } from "../../contract/resource.ts";
import { asKinsyncError, type KinsyncError } from "../../errors/error.ts";
import { getJson, type JsonAnswer } from "../../kube/get-json.ts";
import { PODS, resourceName, resourcePath } from "../../kube/resource-path.ts";
import type { WorkloadRef } from "../resolution.ts";
import { workloadText } from "./check-workload.ts";

/** Objects of one resource that are listed at most. */
const MAX_OBJECTS = 500;

/** A workload of a namespace. */
export interface ListedWorkload {
  /** As a command line names it: `deployment/web`. */
  readonly name: string;
  readonly ref: WorkloadRef;
  /** The loaded kind; `undefined` for a pod without an owner. */
  readonly kind: KindPlugin | undefined;
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
 * The workloads of a namespace: the objects of the loaded kinds, and pods without an owner; without those that another one of them owns. A
 * kind whose resource the cluster does not serve has none. Never rejects but with the reason of `signal`.
 */
export async function listWorkloads(
  cluster: ClusterConnection,
  kinds: readonly KindPlugin[],
  { namespace, signal }: { readonly namespace: string; readonly signal: AbortSignal },
): Promise<ListedWorkloads> {
  const problems: KinsyncError[] = [];
  const list = async (resource: ResourceType, kind: KindPlugin | undefined): Promise<readonly ListedWorkload[]> => {
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
  const lists = await Promise.all([...kinds.map((kind) => list(kind.root, kind)), list(PODS, undefined)]);
  const all = lists.flat();
  const uids = new Set(all.map(({ root }) => root.metadata.uid));
  const workloads = all.filter(({ root, kind }) => {
    const owners = (root.metadata.ownerReferences ?? []).filter(({ controller }) => controller === true);
    return kind === undefined ? owners.length === 0 : !owners.some(({ uid }) => uids.has(uid));
  });
  return { workloads: workloads.sort((a, b) => (a.name < b.name ? -1 : 1)), problems };
}

async function listObjects(
  cluster: ClusterConnection,
  resource: ResourceType & { readonly versions?: readonly string[] },
  { namespace, signal }: { readonly namespace: string; readonly signal: AbortSignal },
): Promise<readonly KubeObject[]> {
  const what = `list ${resourceName(resource)} in namespace ${namespace}`;
  let answer: JsonAnswer | undefined;
  for (const version of new Set([resource.version, ...(resource.versions ?? [])])) {
    const path = resourcePath({ ...resource, version }, resource.namespaced === false ? undefined : namespace);
    answer = await getJson(cluster, { path, query: { limit: MAX_OBJECTS } }, what, signal);
    if (answer.status !== 404) break;
  }
  if (answer === undefined || answer.status === 404) return [];
  if (answer.status !== 200) throw answer.error();
  return (answer.body as { readonly items?: readonly KubeObject[] | null }).items ?? [];
}
