import type { ClusterConnection } from "../../contract/cluster.ts";
import type { KindPlugin } from "../../contract/kind.ts";
import type { KubeObject } from "../../contract/resource.ts";
import { isKinsyncError } from "../../errors/error.ts";
import { discoverKind } from "../../kube/api-discovery.ts";
import { apiVersionOf } from "../../kube/resource-path.ts";
import type { WorkloadRef } from "../resolution.ts";
import { checkWorkload } from "./check-workload.ts";

/**
 * Reads the workload as `checkWorkload` does; where the cluster does not serve the first version of the kind's root, in the first of
 * its further `versions` that is served. One round trip where the first version is served.
 */
export async function checkInServedVersion(
  cluster: ClusterConnection,
  ref: WorkloadRef,
  kind: Pick<KindPlugin, "root"> | undefined,
  signal: AbortSignal,
): Promise<{ readonly ref: WorkloadRef; readonly root: KubeObject }> {
  try {
    return { ref, root: await checkWorkload(cluster, ref, signal) };
  } catch (error) {
    if (!isKinsyncError(error) || error.code !== "KINSYNC_RESOLVE_KIND") throw error;
    for (const version of kind?.root.versions ?? []) {
      const wanted = { ...ref.resource, version };
      const served = await discoverKind(cluster, apiVersionOf(wanted), wanted.kind, signal);
      if (served?.version !== version) continue;
      const other = { ...ref, resource: wanted };
      return { ref: other, root: await checkWorkload(cluster, other, signal) };
    }
    throw error;
  }
}
