import type { KindView, KubeObject, Reason } from "@kinsync/core/contract";
import { JOBSET_CONTROLLER, KEYS, parseCounter, readJobSet } from "./fields.ts";
import type { JobSetSpec } from "./fields.ts";

/** How the JobSet ended, `Completed` or `Failed` (`jobSetFinished` reads the conditions); `undefined` while it goes on. */
export function terminalStateOf(root: KubeObject): string | undefined {
  const status = readJobSet(root).status ?? {};
  const condition = status.conditions?.find(
    ({ type, status }) => (type === "Completed" || type === "Failed") && status === "True",
  );
  return condition?.type ?? (status.terminalState === "" ? undefined : status.terminalState);
}

/** What is to be said of the JobSet as a whole; the weightiest thing where there are several. */
export function noteOf(view: KindView): Reason | undefined {
  const { root } = view;
  const spec = readJobSet(root).spec ?? {};
  if (spec.managedBy !== undefined && spec.managedBy !== JOBSET_CONTROLLER) {
    return {
      code: "managed-elsewhere",
      message: `the JobSet is managed by ${spec.managedBy}, so its pods may live in another cluster`,
      evidence: { "spec.managedBy": spec.managedBy },
    };
  }
  const terminalState = terminalStateOf(root);
  if (terminalState !== undefined) {
    return {
      code: "jobset-finished",
      message: `the JobSet has ended: ${terminalState}`,
      evidence: { "status.terminalState": terminalState },
    };
  }
  if (spec.suspend === true) {
    return { code: "jobset-suspended", message: "the JobSet is suspended", evidence: { "spec.suspend": true } };
  }
  return view.missing.some((resource) => resource.plural === "jobs") ? undefined : progressNote(view, spec);
}

/** Fewer Jobs than the spec asks for: between two attempts, or waiting for `dependsOn` or a startup policy. */
function progressNote(view: KindView, spec: JobSetSpec): Reason | undefined {
  const status = readJobSet(view.root).status ?? {};
  const restarts = status.restarts ?? 0;
  const wanted = (spec.replicatedJobs ?? []).reduce((sum, job) => sum + (job.replicas ?? 1), 0);
  const attempts = view.owned
    .filter((object) => object.kind === "Job")
    .map((job) => parseCounter(job.metadata.labels?.[KEYS.restartAttempt]) ?? 0);
  const present = attempts.filter((attempt) => attempt >= restarts).length;
  const old = attempts.length - present;
  if (present >= wanted && old === 0) return undefined;
  const evidence = {
    "status.restarts": restarts,
    jobsWanted: wanted,
    jobsOfAttempt: present,
    jobsOfOlderAttempts: old,
  };
  // The condition holds until all Jobs are ready; controllers before v0.12 have none, and then leftover Jobs tell.
  const isRestarting = status.conditions?.some(({ type, status }) => type === "RestartingJobSet" && status === "True");
  if (old > 0 || isRestarting === true) {
    const strategy = spec.failurePolicy?.restartStrategy ?? "Recreate";
    const leftover = old === 0 ? "" : `, ${old} left of older attempts`;
    const wait = old > 0 && strategy === "BlockingRecreate" ? ", and new ones are made when those are gone" : "";
    return {
      code: "jobset-restarting",
      message: `the JobSet is restarting: ${present} of ${wanted} Jobs of attempt ${restarts} are there${leftover}${wait}`,
      evidence: { ...evidence, "spec.failurePolicy.restartStrategy": strategy },
    };
  }
  return {
    code: "jobs-pending",
    message: `${present} of the JobSet's ${wanted} Jobs are there, the others are not made yet`,
    evidence,
  };
}
