import type { EngineView } from "@kinsync/core";
import type { WorkloadStatus } from "./protocol.ts";

/** The workloads of a run that are asked for, without the objects that they were resolved from. */
export function statusOf(
  { workloads }: EngineView,
  { workload, namespace }: { readonly workload?: string; readonly namespace?: string },
): readonly WorkloadStatus[] {
  return workloads
    .filter((each) => (workload ?? each.name) === each.name && (namespace ?? each.namespace) === each.namespace)
    .map(({ name, namespace: of, snapshot, held, pending, targets }) => ({
      workload: name,
      namespace: of,
      snapshot,
      ...(held === undefined ? {} : { held }),
      ...(pending === undefined ? {} : { pending: { changed: pending.changed, paths: pending.paths } }),
      targets,
    }));
}
