import { setTimeout as pause } from "node:timers/promises";
import type { ClusterConnection } from "../contract/cluster.ts";
import type { KindEntry } from "../plugins/host.ts";
import { isKinsyncError, KinsyncError } from "../errors/error.ts";
import { resourceName } from "../kube/resource-path.ts";
import { findWorkload, type FoundWorkload } from "../resolve/find/find-workload.ts";
import type { WorkloadPlan } from "../config/resolve.ts";

/** A planned workload that exists in the cluster. */
export type FoundPlan<Plan> = Plan & { readonly found: FoundWorkload };

/** Milliseconds between two looks for a workload that does not exist. */
const MISSING_MS = 2_000;

/** What to do about a workload that does not exist. */
export interface FindWait {
  readonly signal: AbortSignal;
  /** Called once for each; the search then goes on until it exists. Default: the search rejects. */
  readonly onMissing?: ((error: KinsyncError) => void) | undefined;
}

/** Looks until the workload exists. */
async function existing(find: () => Promise<FoundWorkload>, { signal, onMissing }: FindWait): Promise<FoundWorkload> {
  let isTold = false;
  for (;;) {
    try {
      return await find();
    } catch (error) {
      if (onMissing === undefined || !isMissing(error)) throw error;
      if (!isTold) onMissing(error);
      isTold = true;
    }
    await pause(MISSING_MS, undefined, { signal });
  }
}

function isMissing(error: unknown): error is KinsyncError {
  return (
    isKinsyncError(error) && (error.code === "KINSYNC_RESOLVE_WORKLOAD" || error.code === "KINSYNC_RESOLVE_NAMESPACE")
  );
}

/**
 * Finds all workloads side by side. The same name in two namespaces is two workloads; two names for one workload are refused
 * with `KINSYNC_CONFIG_CONFLICT`. Rejects as `findWorkload` does.
 */
export async function findWorkloads<Plan extends Pick<WorkloadPlan, "workload" | "namespace">>(
  cluster: ClusterConnection,
  kinds: readonly KindEntry[],
  plans: readonly Plan[],
  { signal, onMissing }: FindWait,
): Promise<readonly FoundPlan<Plan>[]> {
  const found = await Promise.all(
    plans.map(async (plan) => ({
      ...plan,
      found: await existing(
        () =>
          findWorkload(cluster, kinds, plan.workload, {
            signal,
            ...(plan.namespace === undefined ? {} : { namespace: plan.namespace }),
          }),
        { signal, onMissing },
      ),
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
