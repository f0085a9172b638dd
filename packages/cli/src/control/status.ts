import type { EngineView } from "@kinsync/core";
import { KinsyncError } from "@kinsync/core/contract";
import type { WorkloadStatus } from "./protocol.ts";
import { isSelected, type Selection } from "./selection.ts";

/**
 * The workloads of a run that are asked for, without the objects that they were resolved from.
 * @throws `KINSYNC_RESOLVE_WORKLOAD` where the run has others only
 */
export function statusOf({ workloads }: EngineView, selection: Selection): readonly WorkloadStatus[] {
  const selected = workloads.filter(({ name, namespace }) => isSelected(selection, { workload: name, namespace }));
  if (selected.length === 0 && workloads.length > 0) {
    const { workload = "workload", namespace } = selection;
    const wanted = namespace === undefined ? workload : `${workload} in namespace ${namespace}`;
    const names = workloads.map((each) => `${each.name} in namespace ${each.namespace}`).join(", ");
    throw new KinsyncError("KINSYNC_RESOLVE_WORKLOAD", `this run has no ${wanted}; it has ${names}`);
  }
  return selected.map(
    ({ name, namespace: of, snapshot, newest, gang, held, pending, before, local, unread, targets }) => ({
      workload: name,
      namespace: of,
      snapshot,
      ...(newest === undefined ? {} : { newest }),
      ...(gang === undefined ? {} : { gang }),
      ...(held === undefined ? {} : { held }),
      ...(pending === undefined ? {} : { pending: { changed: pending.changed, paths: pending.paths } }),
      ...(before === undefined ? {} : { before }),
      ...(local === undefined ? {} : { local }),
      ...(unread === undefined ? {} : { unread }),
      targets,
    }),
  );
}
