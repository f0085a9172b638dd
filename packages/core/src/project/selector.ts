import type { ClusterConnection } from "../contract/cluster.ts";
import type { KindEntry } from "../plugins/host.ts";
import { KinsyncError } from "../errors/error.ts";
import type { WorkloadPlan } from "../config/resolve.ts";
import { getJson } from "../kube/get-json.ts";
import { matchOfText } from "../kube/label-selector.ts";
import { resourceName, resourcePath } from "../kube/resource-path.ts";
import { findResource } from "../resolve/find/find-workload.ts";
import type { FoundPlan } from "./find.ts";

export interface SelectorOptions {
  readonly cluster: ClusterConnection;
  readonly kinds: readonly KindEntry[];
  readonly signal: AbortSignal;
}

/**
 * Replaces each plan for a resource alone (`deploy`) by plans for its objects that the selector fits: `deploy/web`, `deploy/api`. Rejects
 * with `KINSYNC_USAGE` where there is none, and with errors of the areas RESOLVE and CLUSTER.
 */
export async function expandResources<Plan extends WorkloadPlan>(
  plans: readonly Plan[],
  selector: string,
  options: SelectorOptions,
): Promise<readonly Plan[]> {
  const expanded = await Promise.all(
    plans.map(async (plan) => (/[\s/]/.test(plan.workload.trim()) ? [plan] : await objectsOf(plan, selector, options))),
  );
  return expanded.flat();
}

async function objectsOf<Plan extends WorkloadPlan>(
  plan: Plan,
  selector: string,
  { cluster, kinds, signal }: SelectorOptions,
): Promise<readonly Plan[]> {
  const word = plan.workload.trim();
  const resource = await findResource(cluster, kinds, word, signal);
  const namespace = plan.namespace ?? cluster.namespace;
  const request = { path: resourcePath(resource, namespace), query: { labelSelector: selector } };
  const answer = await getJson(cluster, request, `list ${resourceName(resource)} in namespace ${namespace}`, signal);
  if (answer.status !== 200) throw answer.error();
  const names = namesIn(answer.body);
  if (names.length === 0) throw nothingFits(`${resourceName(resource)} in namespace ${namespace}`, selector);
  return names.map((name) => {
    const workload = `${word}/${name}`;
    // The ids of mappings start with the workload.
    const mappings = plan.mappings.map((mapping) => ({
      ...mapping,
      id: workload + mapping.id.slice(plan.workload.length),
    }));
    return { ...plan, workload, mappings };
  });
}

function namesIn(list: unknown): readonly string[] {
  const items =
    (list as { readonly items?: readonly { readonly metadata?: { readonly name?: unknown } }[] }).items ?? [];
  return items.flatMap(({ metadata }) => (typeof metadata?.name === "string" ? [metadata.name] : [])).sort();
}

/** The found workloads whose object has the labels. Throws `KINSYNC_USAGE` where none has. */
export function selectWorkloads<Plan extends Pick<WorkloadPlan, "workload">>(
  found: readonly FoundPlan<Plan>[],
  selector: string,
): readonly FoundPlan<Plan>[] {
  const selected = found.filter(
    ({ found: { root } }) => matchOfText(selector, root.metadata.labels ?? {}) !== undefined,
  );
  if (selected.length > 0) return selected;
  throw nothingFits(found.map(({ workload }) => workload).join(", "), selector);
}

function nothingFits(what: string, selector: string): KinsyncError {
  return new KinsyncError("KINSYNC_USAGE", `The selector ${JSON.stringify(selector)} fits none of ${what}`, {
    hint: "`kubectl get --show-labels` shows their labels. Labels of the workload count, not those of its pods.",
    details: { selector },
  });
}
