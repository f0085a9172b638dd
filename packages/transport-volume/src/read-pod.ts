import {
  errorOfResponse,
  KinsyncError,
  type ClusterConnection,
  type OpenContext,
  type Pod,
  type Target,
} from "@kinsync/core/contract";

/** A target in messages. */
export function nameOf({ pod, container }: Pick<Target, "pod" | "container">): string {
  return `pod/${pod}, container ${container}`;
}

/**
 * Reads the pod of a target as it is now. A pod comes back under its name, and a container restarts: only UID and container ID identify them.
 * @throws `KINSYNC_TARGET_GONE` where either differs
 */
export async function readTarget(target: Target, { cluster, signal }: OpenContext): Promise<Pod> {
  const pod = await readPod(cluster, target.namespace, target.pod, signal);
  if (pod?.metadata.uid !== target.podUid || idOf(pod, target.container) !== target.containerId) {
    throw new KinsyncError("KINSYNC_TARGET_GONE", `${nameOf(target)}: the pod or its container was replaced`);
  }
  return pod;
}

/** A pod by its name; `undefined` where it does not exist. */
export async function readPod(
  cluster: ClusterConnection,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<Pod | undefined> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
  const response = await cluster.request({ path, signal });
  if (response.status === 404) {
    await response.json().catch(() => undefined);
    return undefined;
  }
  if (response.status !== 200) throw await errorOfResponse(response, `read pod/${name}`);
  return (await response.json()) as Pod;
}

/** The pods that a label selector chooses, sorted by name. */
export async function listPods(
  cluster: ClusterConnection,
  namespace: string,
  labelSelector: string,
  signal: AbortSignal,
): Promise<readonly Pod[]> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  const response = await cluster.request({ path, query: { labelSelector }, signal });
  if (response.status !== 200) throw await errorOfResponse(response, `list pods in namespace ${namespace}`);
  const { items = [] } = (await response.json()) as { readonly items?: readonly Pod[] };
  return items.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** ID of a container that runs now; `undefined` where it does not. */
export function idOf({ status }: Pod, container: string): string | undefined {
  const lists = [status?.containerStatuses, status?.initContainerStatuses, status?.ephemeralContainerStatuses];
  const found = lists.flatMap((list) => list ?? []).find(({ name }) => name === container);
  return found?.state?.running === undefined ? undefined : found.containerID;
}
