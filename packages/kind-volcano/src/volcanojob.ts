import { defineKind, verdictOfInactivePod } from "@kinsync/core/contract";
import type {
  Judgement,
  KindPlugin,
  KubeObject,
  Pod,
  Reason,
  RootType,
  Verdict,
  WatchPlan,
} from "@kinsync/core/contract";

const JOBS: RootType = {
  group: "batch.volcano.sh",
  version: "v1alpha1",
  kind: "Job",
  plural: "jobs",
  shortNames: ["vcjob", "vj"],
};

/** Labels and annotations that the controller puts on pods (volcano `pkg/controllers/job/job_controller_util.go`). */
const KEYS = {
  jobName: "volcano.sh/job-name",
  task: "volcano.sh/task-spec",
  taskIndex: "volcano.sh/task-index",
  partition: "volcano.sh/partition-id",
  version: "volcano.sh/job-version",
  outOfSync: "volcano.sh/controller-out-of-sync",
} as const;

/**
 * Phases in which the controller kills all pods, or has done so. Restarting is none of them: a restart of one task, pod or partition has this
 * phase as well, and a restart of the whole Job raises the version (volcano `pkg/controllers/job/state/running.go`).
 */
const ENDING: ReadonlySet<string> = new Set([
  "Aborting",
  "Aborted",
  "Completing",
  "Completed",
  "Failed",
  "Terminating",
  "Terminated",
]);
const ENDED: ReadonlySet<string> = new Set(["Aborted", "Completed", "Failed", "Terminated"]);

/** A Job of Volcano: there are no official types, so the fields that are read are declared here. Any of them may be missing. */
type VolcanoJob = KubeObject<
  { readonly tasks?: readonly { readonly name?: string; readonly replicas?: number }[] },
  { readonly version?: number; readonly retryCount?: number; readonly state?: { readonly phase?: string } }
>;

/** What one judgement needs of the Job, read once. */
interface Run {
  readonly root: KubeObject;
  readonly version: number;
  readonly phase: string | undefined;
  /** Replicas by task; the API leaves out a 0. */
  readonly replicas: ReadonlyMap<string, number>;
}

/**
 * The kind of Jobs of Volcano. The controller raises `status.version` whenever it kills the whole Job, at a restart and at the end, and stamps
 * the version on the pods that it creates. A live pod of a lower version is on its way out (volcano
 * `pkg/controllers/job/{job_controller_actions,job_controller_util}.go`). Restarts of single tasks and pods do not raise it.
 */
export function volcanojob(): KindPlugin {
  return defineKind({ name: "volcano-job", needs: ["labels", "roles"], root: JOBS, watches, judge, roles });
}

function watches(root: KubeObject): WatchPlan {
  return { watches: [], pods: { labelSelector: `${KEYS.jobName}=${root.metadata.name}` } };
}

function roles(root: VolcanoJob): readonly string[] {
  return (root.spec?.tasks ?? []).flatMap(({ name }) => (name === undefined || name === "" ? [] : [name]));
}

function judge({ root }: { readonly root: VolcanoJob }): Judgement {
  const run: Run = {
    root,
    version: root.status?.version ?? 0,
    phase: root.status?.state?.phase,
    replicas: new Map((root.spec?.tasks ?? []).map(({ name = "", replicas = 0 }) => [name, replicas])),
  };
  return {
    pod: ({ pod }) => ({ ...(verdictOfInactivePod(pod) ?? judgeLivePod(run, pod)), ...placeOf(pod) }),
    notes: notesOf(root),
  };
}

/** Text of a label or annotation; an empty one counts as missing. */
function textOf({ metadata }: Pod, key: string): string | undefined {
  const text = metadata.labels?.[key] ?? metadata.annotations?.[key];
  return text === "" ? undefined : text;
}

function numberOf(pod: Pod, key: string): number | undefined {
  const text = textOf(pod, key);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function placeOf(pod: Pod): Pick<Verdict, "role" | "index" | "labels"> {
  const role = textOf(pod, KEYS.task);
  const index = numberOf(pod, KEYS.taskIndex);
  const partition = textOf(pod, KEYS.partition);
  return {
    ...(role === undefined ? {} : { role }),
    ...(index === undefined ? {} : { index: String(index) }),
    ...(partition === undefined ? {} : { labels: { partition } }),
  };
}

type State = Pick<Verdict, "state" | "reason">;

function judgeLivePod({ root, version, phase, replicas }: Run, pod: Pod): State {
  const own = numberOf(pod, KEYS.version);
  const evidence: NonNullable<Reason["evidence"]> = {
    [KEYS.version]: own ?? null,
    "status.version": version,
    "status.state.phase": phase ?? null,
  };
  if (root.metadata.deletionTimestamp !== undefined) {
    const message = `the Job ${root.metadata.name} is being deleted, and the pod goes with it`;
    return { state: "terminating", reason: { code: "job-deleting", message, evidence } };
  }
  if (own === undefined) {
    const message = `it has no readable ${KEYS.version}, so whether the Job was restarted since is not known`;
    return { state: "unsettled", reason: { code: "version-unreadable", message, evidence } };
  }
  if (own < version) {
    const message = `it is of version ${own}, the Job is at ${version}`;
    return { state: "superseded", reason: { code: "version-behind", message, evidence } };
  }
  if (phase !== undefined && ENDING.has(phase)) {
    const message = `the Job is ${phase}, and its running pods are removed`;
    return { state: "terminating", reason: { code: "job-ending", message, evidence } };
  }
  if (textOf(pod, KEYS.outOfSync) !== undefined) {
    const message = "the controller has marked it as out of sync with the spec, and replaces it";
    return { state: "superseded", reason: { code: "out-of-sync", message, evidence } };
  }
  const wanted = replicas.get(textOf(pod, KEYS.task) ?? "");
  const index = numberOf(pod, KEYS.taskIndex);
  if (wanted !== undefined && index !== undefined && index >= wanted) {
    const message = `its index ${index} is outside of the ${wanted} replicas that its task wants`;
    return {
      state: "superseded",
      reason: { code: "index-out-of-range", message, evidence: { ...evidence, index, wanted } },
    };
  }
  return { state: "current", reason: { code: "at-version", message: `it is of version ${own} of the Job`, evidence } };
}

function notesOf({ status }: VolcanoJob): readonly Reason[] {
  const phase = status?.state?.phase;
  if (phase === undefined) return [];
  const evidence = { "status.state.phase": phase, "status.retryCount": status?.retryCount ?? 0 };
  if (ENDED.has(phase)) return [{ code: "job-finished", message: `the Job has ended: ${phase}`, evidence }];
  if (phase === "Restarting") {
    return [
      {
        code: "job-restarting",
        message: "the Job is restarting: all its pods, or those of one task or partition, are replaced",
        evidence,
      },
    ];
  }
  if (phase === "Pending") {
    return [{ code: "job-pending", message: "the Job waits until the scheduler admits it", evidence }];
  }
  return [];
}
