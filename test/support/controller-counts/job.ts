import type { TruthMoment } from "@kinsync/core/testing";
import type { V1JobStatus } from "@kubernetes/client-node";
import { countOf, differences } from "./count-states.ts";

/**
 * Compares a truth with the Job controller's counts (k8s `pkg/controller/job/job_controller.go`): `active` counts the pods that run or
 * wait, `terminating` those that are being deleted.
 * @returns the differences
 */
export function jobCounts(moment: TruthMoment): readonly string[] {
  if (moment.root === undefined) return ["the Job does not exist"];
  const { active = 0, terminating = 0 }: V1JobStatus = moment.root.status ?? {};
  return [
    ...differences("members are current", countOf(moment, "current"), "status.active", active),
    ...differences("members are terminating", countOf(moment, "terminating"), "status.terminating", terminating),
  ];
}
