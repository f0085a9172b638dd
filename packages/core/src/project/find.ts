import type { ClusterConnection } from "../contract/cluster.ts";
import type { KindPlugin } from "../contract/kind.ts";
import { KinsyncError } from "../errors/error.ts";
import { resourceName } from "../kube/resource-path.ts";
import { findWorkload, type FoundWorkload } from "../resolve/find/find-workload.ts";
import type { WorkloadPlan } from "../config/resolve.ts";

/** A planned workload that exists in the cluster. */
export type FoundPlan<Plan> = Plan & { readonly found: FoundWorkload };

/**
 * Finds all workloads side by side. The same name in two namespaces is two workloads; two names for one workload are refused
 * with `KINSYNC_CONFIG_CONFLICT`. Rejects as `findWorkload` does.
 */
export async function findWorkloads<Plan extends Pick<WorkloadPlan, "workload" | "namespace">>(
  cluster: ClusterConnection,
  kinds: readonly KindPlugin[],
  plans: readonly Plan[],
  signal: AbortSignal,
): Promise<readonly FoundPlan<Plan>[]> {
  const found = await Promise.all(
    plans.map(async (plan) => ({
      ...plan,
      found: await findWorkload(cluster, kinds, plan.workload, {
        signal,
        ...(plan.namespace === undefined ? {} : { namespace: plan.namespace }),
      }),
    })),
  );
  const seen = new Map<string, string>();
  for (const {
    workload,
    found: { ref },
  } of found) {
    const key = `${resourceName(ref.resource)}/${ref.namespace}/${ref.name}`;
    const before = seen.get(key);
    if (before !== undefined) {
      throw new KinsyncError(
        "KINSYNC_CONFIG_CONFLICT",
        before === workload
          ? `Two entries are for ${workload} in namespace ${ref.namespace}`
          : `${before} and ${workload} are one workload of namespace ${ref.namespace}`,
        { hint: "Put the mappings of one workload into one entry.", details: { workloads: [before, workload] } },
      );
    }
    seen.set(key, workload);
  }
  return found;
}
