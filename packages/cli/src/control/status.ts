import type { EngineView } from "@kinsync/core";
import type { WorkloadStatus } from "./protocol.ts";
import { isSelected, type Selection } from "./selection.ts";

/** The workloads of a run that are asked for, without the objects that they were resolved from. */
export function statusOf({ workloads }: EngineView, selection: Selection): readonly WorkloadStatus[] {
  return workloads
    .filter(({ name, namespace }) => isSelected(selection, { workload: name, namespace }))
    .map(({ name, namespace: of, snapshot, gang, held, pending, before, targets }) => ({
      workload: name,
      namespace: of,
      snapshot,
      ...(gang === undefined ? {} : { gang }),
      ...(held === undefined ? {} : { held }),
      ...(pending === undefined ? {} : { pending: { changed: pending.changed, paths: pending.paths } }),
      ...(before === undefined ? {} : { before }),
      targets,
    }));
}
