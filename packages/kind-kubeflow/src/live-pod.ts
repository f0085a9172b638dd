import type { KubeObject, Pod, Reason, Verdict } from "@kinsync/core/contract";
import { endOf, type JobStatus, type RunPolicy } from "./notes.ts";

/** Labels of the training operator and of the MPI operator on pods. */
export const KEYS = {
  jobName: "training.kubeflow.org/job-name",
  replicaType: "training.kubeflow.org/replica-type",
  replicaIndex: "training.kubeflow.org/replica-index",
  jobRole: "training.kubeflow.org/job-role",
} as const;

/** What one judgement needs of the job, read once. */
export interface Run {
  readonly root: KubeObject;
  readonly policy: RunPolicy | undefined;
  readonly ended: string | undefined;
}

export function readRun(root: KubeObject, policy: RunPolicy | undefined, status: JobStatus | undefined): Run {
  return { root, policy, ended: endOf(status) };
}

/** Index of a pod among its role's; `undefined` where the label is missing or is not a number. */
export function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata.labels?.[KEYS.replicaIndex];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/**
 * The verdict for a live pod. Restarts delete a pod and create it again under its name, without an attempt, so every live pod is current
 * unless the operator is about to delete it.
 * @param replicas of the pod's role; `undefined` where the spec names none
 */
export function judgeLivePod(
  { root, policy, ended }: Run,
  index: number | undefined,
  replicas: number | undefined,
): Pick<Verdict, "state" | "reason"> {
  const { kind, metadata } = root;
  const evidence: NonNullable<Reason["evidence"]> = { "root.metadata.uid": metadata.uid };
  if (metadata.deletionTimestamp !== undefined) {
    const message = `the ${kind} ${metadata.name} is being deleted, and the pod goes with it`;
    return { state: "terminating", reason: { code: "job-deleting", message, evidence } };
  }
  if (ended !== undefined) {
    // The operators default it in memory, and do not write it to the spec.
    const cleanup = policy?.cleanPodPolicy ?? "None";
    const seen = { ...evidence, "status.conditions": ended, "spec.runPolicy.cleanPodPolicy": cleanup };
    return cleanup === "None"
      ? {
          state: "kept",
          reason: {
            code: "kept-after-the-end",
            message: `the ${kind} has ended (${ended}), and cleanPodPolicy None keeps its running pods`,
            evidence: seen,
          },
        }
      : {
          state: "terminating",
          reason: {
            code: "job-ended",
            message: `the ${kind} has ended (${ended}), and its running pods are removed`,
            evidence: seen,
          },
        };
  }
  if (policy?.suspend === true) {
    const message = `the ${kind} ${metadata.name} is suspended, and its pods are removed`;
    return { state: "terminating", reason: { code: "job-suspended", message, evidence } };
  }
  if (index !== undefined && replicas !== undefined && index >= replicas) {
    return {
      state: "superseded",
      reason: {
        code: "index-out-of-range",
        message: `its index ${index} is outside of the ${replicas} replicas that the ${kind} wants`,
        evidence: { ...evidence, index, replicas },
      },
    };
  }
  return {
    state: "current",
    reason: { code: "of-the-job", message: `the ${kind} ${metadata.name} owns it and goes on`, evidence },
  };
}
