import type { KubeObject, Reason } from "@kinsync/core/contract";
import { endOfJob, JOB_CONTROLLER, readJob } from "./fields.ts";

/** What the user should know about a Job as a whole, most important first. */
export function notesOfJob(root: KubeObject): readonly Reason[] {
  const { spec, status } = readJob(root);
  const notes: Reason[] = [];
  const controller = root.metadata.ownerReferences?.find((reference) => reference.controller === true);
  if (spec?.managedBy !== undefined && spec.managedBy !== JOB_CONTROLLER) {
    notes.push({
      code: "managed-elsewhere",
      message: `the Job is managed by ${spec.managedBy}, so its pods may live in another cluster`,
      evidence: { "spec.managedBy": spec.managedBy },
    });
  }
  const ended = endOfJob(root);
  const failed = status?.failed ?? 0;
  if (ended !== undefined) {
    notes.push({
      code: "job-finished",
      message: `the Job has ended: ${ended}`,
      evidence: { "status.conditions": ended },
    });
  } else if (spec?.suspend === true) {
    notes.push({ code: "job-suspended", message: "the Job is suspended", evidence: { "spec.suspend": true } });
  } else if (failed > 0 && (status?.active ?? 0) === 0 && (status?.terminating ?? 0) === 0) {
    notes.push({
      code: "job-retrying",
      message: `${failed} of the Job's pods failed, and the controller waits before it creates the next one`,
      evidence: { "status.failed": failed, "status.active": 0 },
    });
  }
  if (controller !== undefined) {
    notes.push({
      code: "controlled-by-another",
      message: `${controller.kind} ${controller.name} controls the Job; name ${controller.kind.toLowerCase()}/${controller.name} to follow its other Jobs, too`,
      evidence: {
        "controller.kind": controller.kind,
        "controller.name": controller.name,
        "controller.uid": controller.uid,
      },
    });
  }
  return notes;
}
