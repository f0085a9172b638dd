/** The workloads that a command is for. Default of both: all of the run. */
export interface Selection {
  readonly workload?: string | undefined;
  readonly namespace?: string | undefined;
}

/** Whether a command for these workloads is for this one. */
export function isSelected(
  { workload, namespace }: Selection,
  each: { readonly workload: string; readonly namespace: string },
): boolean {
  return (workload ?? each.workload) === each.workload && (namespace ?? each.namespace) === each.namespace;
}
