import type { ResolvedWorkload } from "../engine/resolved-workload.ts";
import type { NeededPermission } from "./permissions.ts";

/** What is used beside the sync. */
export interface StreamUse {
  /** `readLogs` and `followLogs`. Default: `false`. */
  readonly logs?: boolean;
  /** `openForwards`. Default: `false`. */
  readonly forward?: boolean;
}

/** The permissions on pods that these need, in the namespaces of the workloads; beside those of a project, which reads the workloads. */
export function permissionsForStreams(
  workloads: readonly Pick<ResolvedWorkload, "ref">[],
  { logs = false, forward = false }: StreamUse,
): readonly NeededPermission[] {
  const namespaces = new Set(workloads.map(({ ref }) => ref.namespace));
  return [...namespaces].flatMap((namespace) => {
    const base = { apiGroups: [""], isOptional: false, namespace };
    return [
      ...(logs ? [{ ...base, resources: ["pods/log"], verbs: ["get"] }] : []),
      // A WebSocket is checked as get, and from Kubernetes 1.35 on as create too.
      ...(forward ? [{ ...base, resources: ["pods/portforward"], verbs: ["get", "create"] }] : []),
    ];
  });
}
