import { errorOfResponse, KinsyncError, type OpenContext, type Pod, type Target } from "@kinsync/core/contract";

/** A target in messages. */
export function nameOf({ pod, container }: Pick<Target, "pod" | "container">): string {
  return `pod/${pod}, container ${container}`;
}

/**
 * Reads the pod as it is now. A pod comes back under its name, and a container restarts: only UID and container ID identify them.
 * @throws `KINSYNC_TARGET_GONE` where either differs
 */
export async function readTarget(target: Target, { cluster, signal }: OpenContext): Promise<Pod> {
  const path = `/api/v1/namespaces/${encodeURIComponent(target.namespace)}/pods/${encodeURIComponent(target.pod)}`;
  const response = await cluster.request({ path, signal });
  if (response.status !== 200) {
    throw await errorOfResponse(response, `read pod/${target.pod}`, { notFound: "KINSYNC_TARGET_GONE" });
  }
  const pod = (await response.json()) as Partial<Pod>;
  const { containerStatuses, initContainerStatuses, ephemeralContainerStatuses } = pod.status ?? {};
  const status = [containerStatuses, initContainerStatuses, ephemeralContainerStatuses]
    .flatMap((list) => list ?? [])
    .find(({ name }) => name === target.container);
  if (pod.metadata?.uid !== target.podUid || pod.spec === undefined || status?.containerID !== target.containerId) {
    throw new KinsyncError("KINSYNC_TARGET_GONE", `${nameOf(target)}: the pod or its container was replaced`);
  }
  return pod as Pod;
}
