import type { KubeObject } from "@kinsync/core/contract";
import type { TruthMoment } from "@kinsync/core/testing";
import { JOBSET_CONTROLLER, KEYS } from "../src/fields.ts";

/** The part of a JobSet that is compared. */
interface Counted {
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
 * The controller's counts against a truth (`calculateReplicatedJobStatuses`, jobset `pkg/controllers/jobset_controller.go`):
 * every current member's Job is of the attempt `status.restarts`; of each replicatedJob so many Jobs are `active` as have a
 * current member, and so many have `succeeded` as are complete. A JobSet that another controller manages is not counted.
 */
export function crossCheck({ truth, root, objects }: TruthMoment): readonly string[] {
  if (root === undefined) return ["there is no such JobSet"];
  const { spec, status = {} } = root as Counted;
  if (spec?.managedBy !== undefined && spec.managedBy !== JOBSET_CONTROLLER) return [];
  const { restarts = 0, replicatedJobsStatus = [] } = status;
  const problems: string[] = [];
  const jobs = objects.filter((object) => isOwnJob(object, root));
  const working = new Set<string>();
  for (const { kind, metadata } of objects) {
    if (kind !== "Pod" || truth.truth.members[metadata.name] !== "current") continue;
    const attempt = Number(metadata.labels?.[KEYS.restartAttempt]);
    if (attempt !== restarts) {
      problems.push(`${metadata.name} is current and of attempt ${attempt}, status.restarts is ${restarts}`);
    }
    for (const { uid } of metadata.ownerReferences ?? []) working.add(uid);
  }
  for (const { name, active = 0, succeeded = 0 } of replicatedJobsStatus) {
    const own = jobs.filter(({ metadata }) => metadata.labels?.[KEYS.replicatedJob] === name);
    const withCurrent = own.filter(({ metadata }) => working.has(metadata.uid)).length;
    const complete = own.filter(isComplete).length;
    if (withCurrent !== active) {
      problems.push(`${withCurrent} Jobs of ${name} have a current member, status counts ${active} active`);
    }
    if (complete !== succeeded) problems.push(`${complete} Jobs of ${name} are complete, status counts ${succeeded}`);
  }
  return problems;
}

function isOwnJob({ kind, metadata }: KubeObject, root: KubeObject): boolean {
  return kind === "Job" && (metadata.ownerReferences?.some(({ uid }) => uid === root.metadata.uid) ?? false);
}

function isComplete({ status }: KubeObject): boolean {
  const conditions = status?.["conditions"] as
    | readonly { readonly type: string; readonly status: string }[]
    | undefined;
  return conditions?.some((condition) => condition.type === "Complete" && condition.status === "True") ?? false;
}
