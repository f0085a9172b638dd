import { defineKind, verdictOfInactivePod } from "@kinsync/core/contract";
import type {
  Judgement,
  KindPlugin,
  KindView,
  KubeObject,
  OwnedPod,
  Pod,
  Reason,
  ResourceType,
  Verdict,
  WatchPlan,
} from "@kinsync/core/contract";
import {
  KEYS,
  completionIndexOf,
  endingOfJob,
  jobIndexOf,
  parseCounter,
  projectJob,
  readJob,
  readJobSet,
  roleOf,
} from "./fields.ts";
import { noteOf, terminalStateOf } from "./note.ts";

const JOBSETS: ResourceType = { group: "jobset.x-k8s.io", version: "v1alpha2", kind: "JobSet", plural: "jobsets" };
const JOBS: ResourceType = { group: "batch", version: "v1", kind: "Job", plural: "jobs" };

/** What one judgement needs of the JobSet, read once. */
interface Run {
  readonly root: KubeObject;
  readonly restarts: number;
  readonly terminalState: string | undefined;
  readonly previousInPlaceRestartAttempt: number | undefined;
  /** By replicatedJob, then by job index. */
  readonly jobRestarts: ReadonlyMap<string, readonly number[]>;
}

/**
 * The kind of `jobset.x-k8s.io` JobSets.
 *
 * A pod is current if the JobSet owns its Job by UID, the Job belongs to the current attempt, and neither is ending. The current
 * attempt is the controller's own rule (`getChildJobs`, jobset `pkg/controllers/jobset_controller.go`): neither `restart-attempt`
 * nor `job-restart-attempt` is less than the status requests. The rule never compares ages: sibling Jobs may be hours apart.
 */
export function jobset(): KindPlugin {
  return defineKind({ name: "jobset", root: JOBSETS, watches, judge, matchesByLabels, roles });
}

function watches(root: KubeObject): WatchPlan {
  const labelSelector = `${KEYS.jobsetName}=${root.metadata.name}`;
  return {
    watches: [{ resource: JOBS, labelSelector, optional: true, project: projectJob }],
    pods: { labelSelector },
  };
}

function roles(root: KubeObject): readonly string[] {
  return (readJobSet(root).spec?.replicatedJobs ?? []).map(({ name }) => name);
}

/** The UID alone tells two JobSets of one name apart; it is a label since jobset v0.9, and before that nothing is claimed. */
function matchesByLabels(root: KubeObject, pod: Pod): boolean {
  return pod.metadata.labels?.[KEYS.jobsetUid] === root.metadata.uid;
}

function judge(view: KindView): Judgement {
  const run = readRun(view.root);
  const note = noteOf(view);
  return { pod: (owned) => judgePod(run, owned), notes: note === undefined ? [] : [note] };
}

function readRun(root: KubeObject): Run {
  const status = readJobSet(root).status ?? {};
  return {
    root,
    restarts: status.restarts ?? 0,
    terminalState: terminalStateOf(root),
    previousInPlaceRestartAttempt: status.previousInPlaceRestartAttempt,
    jobRestarts: new Map((status.replicatedJobsStatus ?? []).map((job) => [job.name, job.jobRestarts ?? []])),
  };
}

function judgePod(run: Run, owned: OwnedPod): Verdict {
  const { pod } = owned;
  const job = owned.by === "owner" ? owned.owners.find((owner) => owner.kind === "Job") : undefined;
  if (owned.by === "owner" && job === undefined) {
    return (
      verdictOfInactivePod(pod) ?? {
        state: "unsettled",
        reason: {
          code: "job-not-seen",
          message: "the Job that it belongs to has not been seen yet",
          evidence: { "metadata.uid": pod.metadata.uid },
        },
      }
    );
  }
  // The controller copies its labels into the pod template, so without the Job the pod's own labels give the same answer.
  const carrier = job ?? pod;
  return {
    ...(verdictOfInactivePod(pod) ?? judgeLivePod(run, pod, carrier, job)),
    ...place(pod, carrier, job),
  };
}

function judgeLivePod(
  run: Run,
  pod: Pod,
  carrier: KubeObject | Pod,
  job: KubeObject | undefined,
): Pick<Verdict, "state" | "reason"> {
  const whose = job === undefined ? "the pod" : "its Job";
  const attempt = parseCounter(carrier.metadata.labels?.[KEYS.restartAttempt]);
  if (attempt === undefined) {
    return {
      state: "unsettled",
      reason: {
        code: "restart-attempt-unreadable",
        message: `${whose} has no readable ${KEYS.restartAttempt} label, so its attempt is not known`,
        evidence: {
          [KEYS.restartAttempt]: carrier.metadata.labels?.[KEYS.restartAttempt] ?? null,
          "status.restarts": run.restarts,
        },
      },
    };
  }
  const evidence: NonNullable<Reason["evidence"]> = {
    [KEYS.restartAttempt]: attempt,
    "status.restarts": run.restarts,
    ...(job === undefined ? {} : { "job.metadata.uid": job.metadata.uid }),
  };
  const behind =
    attempt < run.restarts
      ? {
          code: "restart-attempt-behind",
          message: `${whose} belongs to attempt ${attempt}; the current one is ${run.restarts}`,
          evidence,
        }
      : jobRestartBehind(run, carrier, whose, evidence);
  if (behind !== undefined) return replaced(run, behind);
  const leaving = leavingReason(run, job, evidence);
  if (leaving !== undefined) return { state: "terminating", reason: leaving };
  return { state: "current", reason: currentReason(run, pod, whose, attempt, evidence) };
}

/** What the controller replaces; it does nothing more for a JobSet that is being deleted, and the pods go with that. */
function replaced(run: Run, reason: Reason): Pick<Verdict, "state" | "reason"> {
  if (run.root.metadata.deletionTimestamp === undefined) return { state: "superseded", reason };
  return {
    state: "terminating",
    reason: { ...reason, code: "jobset-deleting", message: `the JobSet is being deleted, and ${reason.message}` },
  };
}

/** Attempts of one Job (gate RestartJob). A Job without the label is older than the label and not behind. */
function jobRestartBehind(
  run: Run,
  carrier: KubeObject | Pod,
  whose: string,
  evidence: NonNullable<Reason["evidence"]>,
): Reason | undefined {
  const attempt = parseCounter(carrier.metadata.labels?.[KEYS.jobRestartAttempt]);
  const index = parseCounter(carrier.metadata.labels?.[KEYS.jobIndex]);
  const role = roleOf(carrier);
  if (attempt === undefined || index === undefined || role === undefined) return undefined;
  const wanted = run.jobRestarts.get(role)?.[index] ?? 0;
  if (attempt >= wanted) return undefined;
  return {
    code: "job-restart-attempt-behind",
    message: `${whose} is of its own attempt ${attempt}, the JobSet wants attempt ${wanted} of ${role}/${index}`,
    evidence: { ...evidence, [KEYS.jobRestartAttempt]: attempt, [`status.jobRestarts[${role}][${index}]`]: wanted },
  };
}

/** Why an active pod of the current attempt will end soon. */
function leavingReason(
  run: Run,
  job: KubeObject | undefined,
  evidence: NonNullable<Reason["evidence"]>,
): Reason | undefined {
  if (run.terminalState !== undefined) {
    return {
      code: "jobset-finished",
      message: `the JobSet has ended (${run.terminalState}) and its running Jobs are removed`,
      evidence: { ...evidence, "status.terminalState": run.terminalState },
    };
  }
  if (job === undefined) return undefined;
  if (job.metadata.deletionTimestamp !== undefined) {
    return {
      code: "job-deleting",
      message: `its Job ${job.metadata.name} is being deleted, and the pod goes with it`,
      evidence: { ...evidence, "job.metadata.deletionTimestamp": job.metadata.deletionTimestamp },
    };
  }
  const ending = endingOfJob(job);
  if (ending !== undefined) {
    return {
      code: "job-ended",
      message: `its Job ${job.metadata.name} has ended (${ending}), and the Job's pods are removed`,
      evidence: { ...evidence, "job.status.conditions": ending },
    };
  }
  if (readJob(job).spec?.suspend === true) {
    return {
      code: "job-suspended",
      message: `its Job ${job.metadata.name} is suspended, and the Job's pods are removed`,
      evidence: { ...evidence, "job.spec.suspend": true },
    };
  }
  return undefined;
}

function currentReason(
  run: Run,
  pod: Pod,
  whose: string,
  attempt: number,
  evidence: NonNullable<Reason["evidence"]>,
): Reason {
  const inPlace = parseCounter(pod.metadata.annotations?.[KEYS.inPlaceRestartAttempt]);
  const previous = run.previousInPlaceRestartAttempt;
  if (inPlace !== undefined && previous !== undefined && inPlace <= previous) {
    return {
      code: "in-place-restart-pending",
      message: `it is about to restart in place: it is at in-place attempt ${inPlace}, those up to ${previous} restart`,
      evidence: {
        ...evidence,
        [KEYS.inPlaceRestartAttempt]: inPlace,
        "status.previousInPlaceRestartAttempt": previous,
      },
    };
  }
  if (attempt > run.restarts) {
    // Watches of two resources are not ordered: the Job of the next attempt may be seen before the status that asks for it.
    return {
      code: "restart-attempt-ahead",
      message: `${whose} belongs to attempt ${attempt}, ahead of the JobSet's status, which still reports ${run.restarts}`,
      evidence,
    };
  }
  return {
    code: "in-attempt",
    message: `${whose} belongs to the current attempt (${attempt === 0 ? "no restarts" : attempt})`,
    evidence,
  };
}

/** Role and index. A Job that is not Indexed has no order among its pods, so the index is the Job's alone. */
function place(pod: Pod, carrier: KubeObject | Pod, job: KubeObject | undefined): Pick<Verdict, "role" | "index"> {
  const role = roleOf(carrier);
  const jobIndex = job === undefined ? pod.metadata.labels?.[KEYS.jobIndex] : jobIndexOf(job);
  const podIndex = completionIndexOf(pod);
  return {
    ...(role === undefined ? {} : { role }),
    ...(jobIndex === undefined ? {} : { index: podIndex === undefined ? jobIndex : `${jobIndex}/${podIndex}` }),
  };
}
