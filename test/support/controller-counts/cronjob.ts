import type { TruthMoment } from "@kinsync/core/testing";
import type { V1CronJobStatus } from "@kubernetes/client-node";
import { jobsOfCurrentMembers } from "./jobs-of-members.ts";

const SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/**
 * Compares a truth with the Jobs that the CronJob controller lists (k8s `pkg/controller/cronjob/cronjob_controllerv2.go`): `active` names
 * the Jobs that it started by the schedule and that have not ended. Jobs that were started by hand are not listed.
 * @returns the differences
 */
export function cronJobCounts(moment: TruthMoment): readonly string[] {
  if (moment.root === undefined) return ["the CronJob does not exist"];
  const { active = [] }: V1CronJobStatus = moment.root.status ?? {};
  const listed = active.map(({ uid = "" }) => uid).toSorted();
  const found = jobsOfCurrentMembers(moment)
    .filter(({ metadata }) => metadata.annotations?.[SCHEDULED] !== undefined)
    .map(({ metadata }) => metadata.uid)
    .toSorted();
  if (found.join() === listed.join()) return [];
  return [`the scheduled Jobs with a current member are ${found.join(", ")}, status.active lists ${listed.join(", ")}`];
}
