import type { ResolvedWorkload } from "../engine/resolved-workload.ts";
import type { NeededPermission } from "./permissions.ts";

/** What is used beside the sync. */
export interface StreamUse {
  /** `readLogs` and `followLogs`. Default: `false`. */
  readonly logs?: boolean;
}

/** The permissions on pods that logs need, in the namespaces of the workloads; beside those of a project, which reads the workloads. */
export function permissionsForStreams(
  workloads: readonly Pick<ResolvedWorkload, "ref">[],
  { logs = false }: StreamUse,
): readonly NeededPermission[] {
  const namespaces = new Set(workloads.map(({ ref }) => ref.namespace));
  return [...namespaces].flatMap((namespace) => {
    const base = { apiGroups: [""], isOptional: false, namespace };
    return logs ? [{ ...base, resources: ["pods/log"], verbs: ["get"] }] : [];
  });
}
