import { defineKind, narrowedTo, verdictOfInactivePod } from "@kinsync/core/contract";
import type {
  Judgement,
  KindPlugin,
  KindView,
  KubeObject,
  Pod,
  Reason,
  Verdict,
  WatchPlan,
} from "@kinsync/core/contract";
import { COMPLETION_INDEX, completionIndexOf, endingOfJob, endOfJob, JOBS, readJob } from "./fields.ts";
import { notesOfJob } from "./job-notes.ts";

/** What one judgement needs of the Job, read once. */
interface Run {
  readonly root: KubeObject;
  /** Why all pods of the Job are on their way out. */
  readonly ending: Reason | undefined;
  readonly isIndexed: boolean;
  readonly completions: number | undefined;
}

/**
 * The kind of `batch` Jobs.
 *
 * A Job has no attempts: a failed pod is replaced inside the same Job, so every live pod is current while the Job goes on. With
 * `podReplacementPolicy: TerminatingOrFailed` the successor of an index starts while the former pod still terminates
 * (k8s `pkg/controller/job/job_controller.go`).
 */
export function job(): KindPlugin {
  return defineKind({ name: "job", root: JOBS, watches, judge, roles: () => [] });
}

/** With `manualSelector` the labels of the controller need not exist, but a selector always does. */
function watches(root: KubeObject): WatchPlan {
  return { watches: [], pods: narrowedTo(readJob(root).spec?.selector) };
}

function judge({ root }: KindView): Judgement {
  const { spec } = readJob(root);
  const run: Run = {
    root,
    ending: endingReason(root),
    isIndexed: spec?.completionMode === "Indexed",
    completions: spec?.completions,
  };
  return {
    pod: ({ pod }) => {
      const index = completionIndexOf(pod);
      return {
        ...(verdictOfInactivePod(pod) ?? judgeLivePod(run, pod, index)),
        ...(index === undefined ? {} : { index: String(index) }),
      };
    },
    notes: notesOfJob(root),
  };
}

function endingReason(root: KubeObject): Reason | undefined {
  const ended = endOfJob(root) ?? endingOfJob(root);
  const { name, deletionTimestamp } = root.metadata;
  if (deletionTimestamp !== undefined) {
    return {
      code: "job-deleting",
      message: `the Job ${name} is being deleted, and the pod goes with it`,
      evidence: { "job.metadata.deletionTimestamp": deletionTimestamp },
    };
  }
  if (ended !== undefined) {
    return {
      code: "job-ended",
      message: `the Job ${name} has ended (${ended}), and its pods are removed`,
      evidence: { "job.status.conditions": ended },
    };
  }
  if (readJob(root).spec?.suspend === true) {
    return {
      code: "job-suspended",
      message: `the Job ${name} is suspended, and its pods are removed`,
      evidence: { "job.spec.suspend": true },
    };
  }
  return undefined;
}

function judgeLivePod(run: Run, pod: Pod, index: number | undefined): Pick<Verdict, "state" | "reason"> {
  const { root, ending, isIndexed, completions } = run;
  if (ending !== undefined) return { state: "terminating", reason: ending };
  if (isIndexed && index === undefined) {
    return {
      state: "superseded",
      reason: {
        code: "index-unknown",
        message: `it has no readable ${COMPLETION_INDEX}, and the controller removes such a pod of an Indexed Job`,
        evidence: { [COMPLETION_INDEX]: pod.metadata.annotations?.[COMPLETION_INDEX] ?? null },
      },
    };
  }
  if (isIndexed && index !== undefined && completions !== undefined && index >= completions) {
    return {
      state: "superseded",
      reason: {
        code: "index-out-of-range",
        message: `its index ${index} is outside of the ${completions} completions that the Job wants`,
        evidence: { index, "spec.completions": completions },
      },
    };
  }
  return {
    state: "current",
    reason: {
      code: "of-the-job",
      message: `the Job ${root.metadata.name} owns it and goes on`,
      evidence: { "job.metadata.uid": root.metadata.uid },
    },
  };
}
