import type { KubeObject } from "@kinsync/core/contract";
import { cronjob, job } from "@kinsync/kind-job";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { controllerReference, isDeleting, type Typed } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { CRON_JOBS, JOBS } from "../cluster/types.ts";
import { hasEnded, syncJobs } from "../controllers/job.ts";
import { ROOT, type Course, type Expectation, type Oracle, type Place } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";
import { RootDeeds } from "./deeds.ts";
import { expectedOfJob, placeInJob } from "./job.ts";

const SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp";
const INSTANTIATE = "cronjob.kubernetes.io/instantiate";
const HISTORY_LIMIT = 1;

type CronJob = Typed<{
  readonly concurrencyPolicy: "Allow" | "Forbid" | "Replace";
  readonly suspend: boolean;
  readonly jobTemplate: object;
}>;

/** Every Job that goes on counts, also several at once, and those that a user created. */
export const cronJobOracle: Oracle = { name: "cronjob", kind: cronjob, children: () => [job()], start };

function start(store: Store): Course {
  const root = new RootDeeds<CronJob>(store, (choice) => ({
    ...CRON_JOBS,
    metadata: { name: ROOT },
    spec: {
      concurrencyPolicy: pick(["Allow", "Forbid", "Replace"], choice),
      jobTemplate: {
        parallelism: 1 + (choice % 2),
        completions: 1 + (choice % 3),
        completionMode: choice % 2 === 0 ? "NonIndexed" : "Indexed",
        backoffLimit: choice % 3,
        podLabels: { app: ROOT },
      },
    },
  }));
  const createJob = (cron: KubeObject & CronJob, name: string, annotations: Readonly<Record<string, string>>): void => {
    store.create({
      ...JOBS,
      metadata: { name, annotations, ownerReferences: [controllerReference(cron)] },
      spec: { ...cron.spec?.jobTemplate },
    });
  };
  return {
    controllers: { cronjob: () => cleanUp(store), job: () => syncJobs(store) },
    deciders: [],
    deeds: {
      ...root.deeds(),
      // `syncCronJob`, k8s `pkg/controller/cronjob/cronjob_controllerv2.go`
      schedule: () => {
        const cron = root.object;
        if (cron === undefined || isDeleting(cron) || cron.spec?.suspend === true) return;
        const active = store.ownedBy(cron.metadata.uid, JOBS).filter((each) => !hasEnded(each));
        if (cron.spec?.concurrencyPolicy === "Forbid" && active.length > 0) return;
        if (cron.spec?.concurrencyPolicy === "Replace") for (const each of active) deleteObject(store, each);
        createJob(cron, `${ROOT}-${store.writes}`, { [SCHEDULED]: store.now });
      },
      "create a job": (choice) => {
        const cron = root.object;
        if (cron !== undefined) createJob(cron, `manual-${choice}`, { [INSTANTIATE]: "manual" });
      },
      "delete a job": (choice) => {
        const found = pick(store.list(JOBS), choice);
        if (found !== undefined) deleteObject(store, found, pick(["Background", "Foreground", "Orphan"], choice));
      },
      "suspend a job": (choice) => {
        const found = pick(store.list(JOBS), choice);
        if (found !== undefined) store.patch(found.metadata.uid, { spec: { suspend: choice % 3 !== 0 } });
      },
      suspend: root.change((choice) => ({ suspend: choice % 2 === 0 })),
      policy: root.change((choice) => ({ concurrencyPolicy: pick(["Allow", "Forbid", "Replace"], choice) })),
    },
    expected: () => expected(store, root.object),
  };
}

/** Deletes the oldest Jobs that have ended. */
function* cleanUp(store: Store): Generator<void> {
  for (const cron of store.list(CRON_JOBS)) {
    const ended = store.ownedBy(cron.metadata.uid, JOBS).filter(hasEnded);
    for (const each of ended.slice(0, Math.max(0, ended.length - HISTORY_LIMIT))) {
      deleteObject(store, each);
      yield;
    }
  }
}

function expected(store: Store, root: KubeObject | undefined): Expectation {
  const targets = new Map<string, Place>();
  for (const each of root === undefined ? [] : store.ownedBy(root.metadata.uid, JOBS)) {
    const { name, annotations } = each.metadata;
    const labels = { job: name, start: annotations?.[INSTANTIATE] ?? "scheduled" };
    if (isDeleting(each)) continue;
    const ofJob = expectedOfJob(store, each, (pod) => ({ ...placeInJob(pod), labels }));
    for (const [uid, place] of ofJob.targets) targets.set(uid, place);
  }
  return { targets };
}
