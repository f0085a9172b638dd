import type { ClusterConnection } from "../contract/cluster.ts";
import type { KindEntry } from "../plugins/host.ts";
import type { WorkloadPlan } from "../config/resolve.ts";
import type { ResolvedWorkload } from "../engine/resolved-workload.ts";
import type { FoundWorkload } from "../resolve/find/find-workload.ts";
import { findWorkloads } from "./find.ts";
import type { OpenProjectOptions } from "./options.ts";
import { expandResources, selectWorkloads } from "./selector.ts";

/** A workload that the engine can take, and what was found in the cluster. */
export interface ProjectWorkload extends ResolvedWorkload {
  /** Kind, and the root object as it was when the project was opened. */
  readonly found: FoundWorkload;
  /** Names of the transports that a sync of it uses; none where it is only read. */
  readonly transports: readonly string[];
  /** Ports to open on this machine; none where it is only read. No run opens them: see `openForwards`. */
  readonly forward: WorkloadPlan["forward"];
}

/** A workload to find. */
export interface ProjectPlan extends WorkloadPlan {
  /** Default: those of the mappings. */
  readonly transports?: readonly string[];
}

export interface FindOptions {
  readonly cluster: ClusterConnection;
  readonly kinds: readonly KindEntry[];
  readonly plans: readonly ProjectPlan[];
  readonly options: Pick<OpenProjectOptions, "flags" | "onMissing">;
  readonly signal: AbortSignal;
}

/** Finds planned workloads in the cluster; with a selector, those that it fits. */
export async function findProjectWorkloads(find: FindOptions): Promise<readonly ProjectWorkload[]> {
  const { cluster, kinds, plans, options, signal } = find;
  const selector = options.flags?.selector;
  const named = selector === undefined ? plans : await expandResources(plans, selector, { cluster, kinds, signal });
  const found = await findWorkloads(cluster, kinds, named, { signal, onMissing: options.onMissing });
  const selected = selector === undefined ? found : selectWorkloads(found, selector);
  return selected.map(
    ({ workload, mappings, run, restart, rebuild, hooks, mode, forward, gang, transports, found }) => ({
      name: workload,
      ref: found.ref,
      root: found.root,
      mappings,
      run: restart === undefined ? run : [...run, restart],
      ...(rebuild === undefined ? {} : { rebuild }),
      ...(hooks === undefined ? {} : { hooks }),
      mode,
      forward,
      ...(gang === undefined ? {} : { gang }),
      transports: transports ?? mappings.map(({ transport }) => transport),
      found,
    }),
  );
}
