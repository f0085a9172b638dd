import { errorOfResponse, type ClusterConnection, type KinsyncError, type Target } from "@kinsync/core/contract";
import { goneError, lostError } from "../stream/target-error.ts";

/**
 * Compares the target with the pod as the API server has it now. An exec reaches a pod by its name, and a StatefulSet's pod returns
 * under the same name.
 * @returns why the target no longer exists, or `undefined` while this very container runs
 */
export async function findGone(
  cluster: ClusterConnection,
  target: Target,
  signal: AbortSignal,
): Promise<KinsyncError | undefined> {
  const path = `/api/v1/namespaces/${encodeURIComponent(target.namespace)}/pods/${encodeURIComponent(target.pod)}`;
  const response = await cluster.request({ path, signal });
  if (response.status === 404) return goneError(target, "the pod was deleted");
  const what = `read pod/${target.pod} in namespace ${target.namespace}`;
  if (response.status !== 200) throw await errorOfResponse(response, what);
  const pod = (await response.json()) as PodAnswer;
  const uid = pod.metadata?.uid;
  if (typeof uid !== "string") throw lostError(target, "the API server's response is not a pod");
  if (uid !== target.podUid) return goneError(target, "another pod has this name now");
  const { containerStatuses, initContainerStatuses, ephemeralContainerStatuses } = pod.status ?? {};
  for (const list of [containerStatuses, initContainerStatuses, ephemeralContainerStatuses]) {
    if (!Array.isArray(list)) continue;
    for (const status of list as readonly StatusAnswer[]) {
      if (status?.name !== target.container) continue;
      if (status.containerID !== target.containerId) return goneError(target, "the container was restarted");
      if (status.state?.running === undefined) return goneError(target, "the container is not running");
      return undefined;
    }
  }
  return goneError(target, "the pod no longer has this container");
}

/** The fields of a pod that are read. Foreign data: any of them may be missing. */
interface PodAnswer {
  readonly metadata?: { readonly uid?: unknown };
  readonly status?: {
    readonly containerStatuses?: unknown;
    readonly initContainerStatuses?: unknown;
    readonly ephemeralContainerStatuses?: unknown;
  };
}

interface StatusAnswer {
  readonly name?: unknown;
  readonly containerID?: unknown;
  readonly state?: { readonly running?: unknown };
}
