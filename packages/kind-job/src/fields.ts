import type { KubeObject, Pod, ResourceType, Wire } from "@kinsync/core/contract";
import type { V1CronJobSpec, V1CronJobStatus, V1JobSpec, V1JobStatus } from "@kubernetes/client-node";

export const JOBS: ResourceType = { group: "batch", version: "v1", kind: "Job", plural: "jobs" };

/** Annotation of a pod of an Indexed Job, and a label since Kubernetes 1.28. */
export const COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index";
/** Annotation of a Job that a CronJob's schedule created: the time that it was due. */
export const SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/** Annotation of a Job that `kubectl create job --from` created: `manual`. */
export const INSTANTIATE = "cronjob.kubernetes.io/instantiate";
/** The only value of `spec.managedBy` that the Job controller itself acts on; an absent one means the same. */
export const JOB_CONTROLLER = "kubernetes.io/job-controller";

/** A Job as the API server delivers it; any field may be missing. */
export type Job = KubeObject<Partial<Wire<V1JobSpec>>, Wire<V1JobStatus>>;
/** A CronJob as the API server delivers it; any field may be missing. */
export type CronJob = KubeObject<Partial<Wire<V1CronJobSpec>>, Wire<V1CronJobStatus>>;

export function readJob(job: KubeObject): Job {
  return job;
}

export function readCronJob(root: KubeObject): CronJob {
  return root;
}

/** The condition with which the Job has ended, `Complete` or `Failed`; `undefined` while it has not. */
export function endOfJob(job: KubeObject): string | undefined {
  return trueCondition(job, ["Complete", "Failed"]);
}

/** The condition that precedes the end while the pods are removed (since Kubernetes 1.31); `undefined` otherwise. */
export function endingOfJob(job: KubeObject): string | undefined {
  return trueCondition(job, ["FailureTarget", "SuccessCriteriaMet"]);
}

function trueCondition(job: KubeObject, types: readonly string[]): string | undefined {
  const { status } = readJob(job);
  return status?.conditions?.find((condition) => types.includes(condition.type) && condition.status === "True")?.type;
}

/** Completion index of a pod; `undefined` where it has none, or one that is not a number. */
export function completionIndexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[COMPLETION_INDEX] ?? metadata.labels?.[COMPLETION_INDEX];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
