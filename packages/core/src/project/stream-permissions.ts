import type { ProjectWorkload } from "./workloads.ts";
import type { NeededPermission } from "./permissions.ts";

/** What is used beside the sync. */
export interface StreamUse {
  /** `readLogs` and `followLogs`. Default: `false`. */
  readonly logs?: boolean;
  /** `openForwards` in all namespaces. Default: where the config has `forward`. */
  readonly forward?: boolean;
}

/**
 * The permissions on pods that these need, in the namespaces of the workloads; beside those of a project, which reads the workloads. Those
 * for `forward` of the config are optional: a sync does not need them.
 */
export function permissionsForStreams(
  workloads: readonly Pick<ProjectWorkload, "ref" | "forward">[],
  { logs = false, forward = false }: StreamUse,
): readonly NeededPermission[] {
  return [...Map.groupBy(workloads, ({ ref }) => ref.namespace)].flatMap(([namespace, all]) => {
    const base = { apiGroups: [""], namespace };
    const isConfigured = all.some((each) => each.forward.length > 0);
    const use = isConfigured ? "`forward` of the config" : "`kinsync forward`";
    return [
      ...(logs
        ? [
            {
              ...base,
              resources: ["pods/log"],
              verbs: ["get"],
              isOptional: false,
              use: "`kinsync logs` and `up --logs`",
            },
          ]
        : []),
      // A WebSocket is checked as get, and from Kubernetes 1.35 on as create too.
      ...(forward || isConfigured
        ? [{ ...base, resources: ["pods/portforward"], verbs: ["get", "create"], isOptional: !forward, use }]
        : []),
    ];
  });
}
