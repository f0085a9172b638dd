import { defineKind, delegatedVerdict, verdictOfInactivePod } from "@kinsync/core/contract";
import type {
  Judgement,
  KindPlugin,
  KindView,
  KubeObject,
  OwnedPod,
  Reason,
  RootType,
  Verdict,
} from "@kinsync/core/contract";
import { endOfJob, INSTANTIATE, JOBS, readCronJob, SCHEDULED } from "./fields.ts";

const CRON_JOBS: RootType = { group: "batch", version: "v1", kind: "CronJob", plural: "cronjobs", shortNames: ["cj"] };

/**
 * The kind of `batch` CronJobs. Each Job is judged by its own kind, and every Job that has not ended counts: `Allow` lets several run at
 * once, and a Job that a user created from the CronJob is not in `status.active` (`syncCronJob`, k8s
 * `pkg/controller/cronjob/cronjob_controllerv2.go`). With `Replace` the controller deletes the former Job in the same pass in which it
 * creates the next one.
 */
export function cronjob(): KindPlugin {
  return defineKind({
    name: "cronjob",
    needs: ["delegate"],
    root: CRON_JOBS,
    watches: () => ({ watches: [{ resource: JOBS, delegate: true }], pods: "delegated" }),
    judge,
    roles: () => [],
  });
}

function judge(view: KindView): Judgement {
  return { pod: (owned) => judgePod(view, owned), notes: notesOf(view) };
}

function judgePod(view: KindView, owned: OwnedPod): Verdict {
  const job = owned.owners.at(-1);
  const verdict: Verdict = delegatedVerdict(view, owned) ?? verdictOfInactivePod(owned.pod) ?? UNKNOWN;
  return job === undefined ? verdict : { ...verdict, labels: { ...verdict.labels, ...labelsOf(job) } };
}

const UNKNOWN: Verdict = {
  state: "unsettled",
  reason: { code: "job-not-judged", message: "no kind judges the Job that owns it" },
};

/** The Job, and whether the schedule or a user created it. */
function labelsOf({ metadata }: KubeObject): Readonly<Record<string, string>> {
  const start =
    metadata.annotations?.[INSTANTIATE] !== undefined
      ? { start: metadata.annotations[INSTANTIATE] }
      : metadata.annotations?.[SCHEDULED] !== undefined
        ? { start: "scheduled" }
        : {};
  return { job: metadata.name, ...start };
}

function notesOf(view: KindView): readonly Reason[] {
  const { spec, status } = readCronJob(view.root);
  const running = view.owned.filter(
    (object) =>
      object.kind === "Job" && endOfJob(object) === undefined && object.metadata.deletionTimestamp === undefined,
  );
  const notes: Reason[] = [];
  if (spec?.suspend === true) {
    notes.push({
      code: "cronjob-suspended",
      message: "the CronJob is suspended: its schedule starts no Job, and those that run go on",
      evidence: { "spec.suspend": true },
    });
  }
  if (running.length === 0) {
    const last = status?.lastScheduleTime;
    notes.push({
      code: "no-job-runs",
      message: `no Job of the CronJob runs; its schedule is "${spec?.schedule ?? "not known"}"${last === undefined ? "" : `, and it last started one at ${last}`}`,
      evidence: { "spec.schedule": spec?.schedule ?? null, "status.lastScheduleTime": last ?? null },
    });
  }
  if (running.length > 1) {
    notes.push({
      code: "several-jobs-run",
      message: `${running.length} Jobs of the CronJob run at once (concurrencyPolicy ${spec?.concurrencyPolicy ?? "Allow"}), and all of them count`,
      evidence: { running: running.length, "spec.concurrencyPolicy": spec?.concurrencyPolicy ?? null },
    });
  }
  // Those of Jobs that have ended would repeat the history.
  const ofJobs = running.flatMap((job) => view.rule(job)?.notes ?? []);
  return [...notes, ...ofJobs.filter(({ code }) => code !== "controlled-by-another")];
}
