import { errorOfResponse, type ClusterConnection, type KinsyncError, type Target } from "@kinsync/core/contract";
import { goneError, lostError } from "./agent-error.ts";

/**
 * Asks the API server, without a cache, whether the target is still what it was resolved to: an exec reaches a pod by its name,
 * and a StatefulSet's pod comes back under the same one.
 * @returns why it is no more, or `undefined` while this very container runs
 */
export async function findGone(
  cluster: ClusterConnection,
  target: Target,
  signal: AbortSignal,
): Promise<KinsyncError | undefined> {
  const path = `/api/v1/namespaces/${encodeURIComponent(target.namespace)}/pods/${encodeURIComponent(target.pod)}`;
  const response = await cluster.request({ path, signal });
  if (response.status === 404) return goneError(target, "the pod is no more");
  const what = `read pod/${target.pod} in namespace ${target.namespace}`;
  if (response.status !== 200) throw await errorOfResponse(response, what);
  const pod = (await response.json()) as PodAnswer;
  const uid = pod.metadata?.uid;
  if (typeof uid !== "string") throw lostError(target, "the API server's answer is no pod");
  if (uid !== target.podUid) return goneError(target, "another pod has its name now");
  const { containerStatuses, initContainerStatuses, ephemeralContainerStatuses } = pod.status ?? {};
  for (const list of [containerStatuses, initContainerStatuses, ephemeralContainerStatuses]) {
    if (!Array.isArray(list)) continue;
    for (const status of list as readonly StatusAnswer[]) {
      if (status?.name !== target.container) continue;
      if (status.containerID !== target.containerId) return goneError(target, "the container was restarted");
      if (status.state?.running === undefined) return goneError(target, "the container does not run");
      return undefined;
    }
  }
  return goneError(target, "the pod has no such container any more");
}

/** The part of a pod that is read; foreign data, so anything may be absent. */
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
