import type { KubeObject } from "@kinsync/core/contract";
import type { TruthMoment } from "@kinsync/core/testing";
import type { V1Job } from "@kubernetes/client-node";

const RESTART_ATTEMPT = "jobset.sigs.k8s.io/restart-attempt";
const REPLICATED_JOB = "jobset.sigs.k8s.io/replicatedjob-name";
/** The value of `spec.managedBy` that means the JobSet controller, as does an absent one. */
const JOBSET_CONTROLLER = "jobset.sigs.k8s.io/jobset-controller";

/** The compared fields of a JobSet. */
interface JobSetCounts {
  readonly spec?: { readonly managedBy?: string };
  readonly status?: {
    readonly restarts?: number;
    readonly replicatedJobsStatus?: readonly {
      readonly name: string;
      readonly active?: number;
      readonly succeeded?: number;
    }[];
  };
}

/**
 * Compares a truth with the JobSet controller's counts (`calculateReplicatedJobStatuses`, jobset
 * `pkg/controllers/jobset_controller.go`): the Job of every current member has the attempt `status.restarts`; of each replicated Job,
 * `active` counts the Jobs with a current member and `succeeded` the complete ones. A JobSet of another controller is not compared.
 * @returns the differences
 */
export function jobSetCounts({ truth, root, objects }: TruthMoment): readonly string[] {
  if (root === undefined) return ["the JobSet does not exist"];
  const { spec, status = {} } = root as JobSetCounts;
  if (spec?.managedBy !== undefined && spec.managedBy !== JOBSET_CONTROLLER) return [];
  const { restarts = 0, replicatedJobsStatus = [] } = status;
  const problems: string[] = [];
  const jobs = objects.filter((object) => isOwnJob(object, root));
  const withCurrentMember = new Set<string>();
  for (const { kind, metadata } of objects) {
    if (kind !== "Pod" || truth.truth.members[metadata.name] !== "current") continue;
    const attempt = Number(metadata.labels?.[RESTART_ATTEMPT]);
    if (attempt !== restarts) {
      problems.push(`${metadata.name} is current and of attempt ${attempt}, status.restarts is ${restarts}`);
    }
    for (const { uid } of metadata.ownerReferences ?? []) withCurrentMember.add(uid);
  }
  for (const { name, active = 0, succeeded = 0 } of replicatedJobsStatus) {
    const own = jobs.filter(({ metadata }) => metadata.labels?.[REPLICATED_JOB] === name);
    const current = own.filter(({ metadata }) => withCurrentMember.has(metadata.uid)).length;
    const complete = own.filter(isComplete).length;
    if (current !== active) {
      problems.push(`${current} Jobs of ${name} have a current member, status counts ${active} active`);
    }
    if (complete !== succeeded) problems.push(`${complete} Jobs of ${name} are complete, status counts ${succeeded}`);
  }
  return problems;
}

function isOwnJob({ kind, metadata }: KubeObject, root: KubeObject): boolean {
  return kind === "Job" && (metadata.ownerReferences?.some(({ uid }) => uid === root.metadata.uid) ?? false);
}

function isComplete(job: KubeObject): boolean {
  const { status } = job as unknown as V1Job;
  return status?.conditions?.some(({ type, status }) => type === "Complete" && status === "True") ?? false;
}
