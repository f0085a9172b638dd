import type { WorkloadConfig } from "../contract/config.ts";
import type { ResourceType } from "../contract/resource.ts";
import { KinsyncError } from "../errors/error.ts";
import { isSameWorkloadName } from "../resolve/find/workload-name.ts";

/** A workload of the config that was chosen. */
export interface ChosenWorkload {
  readonly workload: WorkloadConfig;
  /** Its index in `workloads` of the config, for messages. */
  readonly index: number;
}

export interface Choice {
  /** As the user named it. Default: all. */
  readonly name: string | undefined;
  /** Default: every namespace of the config. */
  readonly namespace: string | undefined;
}

/**
 * The workloads of a config that a name and a namespace choose. One name in two namespaces is two workloads: the namespace
 * chooses between them. Where the config has the workload in another namespace only, it is chosen nevertheless, for the
 * namespace that is asked for.
 *
 * Throws `KINSYNC_USAGE` where the config has the workload in several namespaces, and none of them is asked for.
 * @param resourcesOf reads the roots of the loaded kinds: only they tell that `deploy/web` is `deployment/web`
 */
export async function chooseWorkloads(
  workloads: readonly WorkloadConfig[],
  { name, namespace }: Choice,
  resourcesOf: () => Promise<readonly ResourceType[]>,
): Promise<readonly ChosenWorkload[]> {
  const all = workloads.map((workload, index) => ({ workload, index }));
  const exact = all.filter(({ workload }) => workload.workload === name);
  // Loading plugins takes time; only a name that the config does not have as it stands needs them.
  const needsKinds = all.length > 0 && (name === undefined ? namespace !== undefined : exact.length === 0);
  const resources = needsKinds ? await resourcesOf() : [];
  const named =
    name === undefined || exact.length > 0
      ? name === undefined
        ? all
        : exact
      : all.filter(({ workload }) => isSameWorkloadName(workload.workload, name, resources));
  return namespace === undefined ? named : inNamespace(named, namespace, resources);
}

function inNamespace(
  chosen: readonly ChosenWorkload[],
  namespace: string,
  resources: readonly ResourceType[],
): readonly ChosenWorkload[] {
  return chosen.filter((each) => {
    if (each.workload.namespace === namespace) return true;
    const namesakes = chosen.filter(({ workload }) =>
      isSameWorkloadName(workload.workload, each.workload.workload, resources),
    );
    if (namesakes.some(({ workload }) => workload.namespace === namespace)) return false;
    if (namesakes.length === 1) return true;
    const namespaces = namesakes.map(({ workload }) => workload.namespace ?? "that of the context");
    throw new KinsyncError(
      "KINSYNC_USAGE",
      `${each.workload.workload} is in several namespaces of the config (${namespaces.join(", ")}), and ${namespace} is none of them`,
      { hint: "Name one of these with --namespace, or add an entry to the config.", details: { namespaces } },
    );
  });
}
