import type { KubeObject, Reason } from "@kinsync/core/contract";

/** @param own the values of `managedBy` with which the kind's own operator acts; an absent one means the same */
export function noteOfManager(kind: string, managedBy: string | undefined, own: readonly string[]): readonly Reason[] {
  if (managedBy === undefined || own.includes(managedBy)) return [];
  return [
    {
      code: "managed-elsewhere",
      message: `the ${kind} is managed by ${managedBy}, so its pods may live in another cluster`,
      evidence: { "spec.managedBy": managedBy },
    },
  ];
}

const OPERATORS = ["kubeflow.org/training-operator", "kubeflow.org/mpi-operator"] as const;

/** The part of `runPolicy` that is read. */
export interface RunPolicy {
  readonly suspend?: boolean;
  readonly managedBy?: string;
  readonly cleanPodPolicy?: string;
}

/** The part of the status that all these jobs share. */
export interface JobStatus {
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

/** The condition with which the job has ended; `undefined` while it has not. */
export function endOf(status: JobStatus | undefined): string | undefined {
  return status?.conditions?.find(
    (condition) => (condition.type === "Succeeded" || condition.type === "Failed") && condition.status === "True",
  )?.type;
}

/** Notes of a job with a `runPolicy`. */
export function notesOfRun(
  root: KubeObject,
  policy: RunPolicy | undefined,
  status: JobStatus | undefined,
): readonly Reason[] {
  const { kind } = root;
  const notes = [...noteOfManager(kind, policy?.managedBy, OPERATORS)];
  const ended = endOf(status);
  if (ended !== undefined) {
    notes.push({
      code: "job-finished",
      message: `the ${kind} has ended: ${ended}`,
      evidence: { "status.conditions": ended },
    });
  } else if (policy?.suspend === true) {
    notes.push({
      code: "job-suspended",
      message: `the ${kind} is suspended`,
      evidence: { "spec.runPolicy.suspend": true },
    });
  }
  return notes;
}
