import type { TruthMoment } from "@kinsync/core/testing";
import { differences } from "./count-states.ts";
import { jobsOfCurrentMembers } from "./jobs-of-members.ts";

const REPLICATED_JOB = "jobset.sigs.k8s.io/replicatedjob-name";

interface TrainJobStatus {
  readonly jobsStatus?: readonly { readonly name: string; readonly active?: number }[];
}

/**
 * Compares a truth with the counts of Kubeflow Trainer, which it takes from the JobSet (trainer `pkg/runtime/framework/plugins/jobset/jobset.go`):
 * of each of the JobSet's `replicatedJobs`, `active` counts the Jobs with pods that run or wait.
 * @returns the differences
 */
export function trainJobCounts(moment: TruthMoment): readonly string[] {
  if (moment.root === undefined) return ["the TrainJob does not exist"];
  const { jobsStatus = [] }: TrainJobStatus = moment.root.status ?? {};
  const jobs = jobsOfCurrentMembers(moment);
  const known = new Set(jobsStatus.map(({ name }) => name));
  const uncounted = jobs.filter(({ metadata }) => !known.has(metadata.labels?.[REPLICATED_JOB] ?? ""));
  return [
    ...uncounted.map(
      ({ metadata }) => `the Job ${metadata.name} has a current member, and the status does not count it`,
    ),
    ...jobsStatus.flatMap(({ name, active = 0 }) => {
      const current = jobs.filter(({ metadata }) => metadata.labels?.[REPLICATED_JOB] === name).length;
      return differences(`Jobs of ${name} have a current member`, current, "the number of its active ones", active);
    }),
  ];
}
