import type { KubeObject, Pod, Wire } from "@kinsync/core/contract";
import type { V1JobSpec, V1JobStatus } from "@kubernetes/client-node";

const PREFIX = "jobset.sigs.k8s.io/";

/** Labels and annotations that the JobSet controller puts on Jobs and pods (jobset `api/jobset/v1alpha2`, `pkg/constants`). */
export const KEYS = {
  jobsetName: `${PREFIX}jobset-name`,
  jobsetUid: `${PREFIX}jobset-uid`,
  replicatedJob: `${PREFIX}replicatedjob-name`,
  jobIndex: `${PREFIX}job-index`,
  restartAttempt: `${PREFIX}restart-attempt`,
  jobRestartAttempt: `${PREFIX}job-restart-attempt`,
  inPlaceRestartAttempt: `${PREFIX}in-place-restart-attempt`,
  completionIndex: "batch.kubernetes.io/job-completion-index",
} as const;

/** The only value of `spec.managedBy` that the JobSet controller itself acts on; an absent one means the same. */
export const JOBSET_CONTROLLER = `${PREFIX}jobset-controller`;

/** A condition as Jobs and JobSets have it. */
interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
}

/** The part of a JobSet's spec that is read. Its types are those of the CRD's schema, which the API server enforces. */
export interface JobSetSpec {
  readonly suspend?: boolean;
  readonly managedBy?: string;
  readonly failurePolicy?: { readonly restartStrategy?: string };
  readonly replicatedJobs?: readonly { readonly name: string; readonly replicas?: number }[];
}

/** The part of a JobSet's status that is read. */
export interface JobSetStatus {
  readonly restarts?: number;
  readonly terminalState?: string;
  readonly previousInPlaceRestartAttempt?: number;
  readonly conditions?: readonly Condition[];
  readonly replicatedJobsStatus?: readonly { readonly name: string; readonly jobRestarts?: readonly number[] }[];
}

/** A JobSet: there are no official types, so the fields that are read are declared here. Any of them may be missing. */
export type JobSet = KubeObject<JobSetSpec, JobSetStatus>;

/** A Job as the API server delivers it; any field may be missing. */
export type Job = KubeObject<Partial<Wire<V1JobSpec>>, Wire<V1JobStatus>>;

export function readJobSet(root: KubeObject): JobSet {
  return root;
}

export function readJob(job: KubeObject): Job {
  return job;
}

/** A Job's conditions that say that it ends: the first two while its pods are being removed, the others after that. */
const ENDING: ReadonlySet<string> = new Set(["FailureTarget", "SuccessCriteriaMet", "Complete", "Failed"]);

/** Which condition says that the Job ends; `undefined` while it goes on. */
export function endingOfJob(job: KubeObject): string | undefined {
  const { status } = readJob(job);
  return status?.conditions?.find((condition) => ENDING.has(condition.type) && condition.status === "True")?.type;
}

/** A counter in a label or annotation, read as the controller reads it (Go's `strconv.Atoi`). */
export function parseCounter(text: string | undefined): number | undefined {
  return text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}

/** The replicatedJob that an object belongs to: its role. */
export function roleOf(object: KubeObject | Pod): string | undefined {
  return object.metadata.labels?.[KEYS.replicatedJob];
}

/** Index of a Job among its replicatedJob's: the label, else the number that ends its name. */
export function jobIndexOf(job: KubeObject): string | undefined {
  return job.metadata.labels?.[KEYS.jobIndex] ?? /-(\d+)$/.exec(job.metadata.name)?.[1];
}

/** Completion index of a pod: a label since Kubernetes 1.28, an annotation always; absent where the Job is not Indexed. */
export function completionIndexOf(pod: Pod): string | undefined {
  return pod.metadata.labels?.[KEYS.completionIndex] ?? pod.metadata.annotations?.[KEYS.completionIndex];
}

/** Keeps of a Job what the rule reads. */
export function projectJob(job: KubeObject): KubeObject {
  const { name, uid, namespace, labels, ownerReferences, deletionTimestamp } = job.metadata;
  const { spec, status } = readJob(job);
  return {
    apiVersion: job.apiVersion,
    kind: job.kind,
    metadata: {
      name,
      uid,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
    spec: spec?.suspend === undefined ? {} : { suspend: spec.suspend },
    status: {
      conditions: (status?.conditions ?? [])
        .filter((condition) => ENDING.has(condition.type))
        .map(({ type, status }) => ({ type, status })),
    },
  };
}
