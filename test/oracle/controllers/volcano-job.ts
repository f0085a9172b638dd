import type { KubeObject } from "@kinsync/core/contract";
import { obsolete } from "../cluster/facts.ts";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { controllerReference, isAlive, isDeleting, phaseOf, type Typed } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { PODS, VOLCANO_JOBS } from "../cluster/types.ts";

const PREFIX = "volcano.sh/";
const MAX_RETRIES = 3;

export interface Task {
  readonly name: string;
  readonly replicas: number;
}

export type VolcanoJob = Typed<
  { readonly tasks: readonly Task[]; readonly policy: "RestartJob" | "RestartPod" | "AbortJob" },
  { readonly version: number; readonly retryCount: number; readonly state: { readonly phase: string } }
>;

/** Where the controller put a pod, and at which version of the Job. */
interface Slot {
  readonly task: string;
  readonly index: number;
  readonly version: number;
}

const ENDING: Readonly<Record<string, string>> = {
  Restarting: "Pending",
  Aborting: "Aborted",
  Completing: "Completed",
  Terminating: "Terminated",
};

/** The controller of Jobs of Volcano (volcano `pkg/controllers/job/{job_controller_actions,state/*}.go`). */
export class VolcanoController {
  readonly #store: Store;
  /** By the UID of the pod. */
  readonly slots = new Map<string, Slot>();

  constructor(store: Store) {
    this.#store = store;
  }

  *sync(): Generator<void> {
    for (const { metadata } of this.#store.list(VOLCANO_JOBS)) {
      const job = this.#store.get(metadata.uid);
      if (job !== undefined && !isDeleting(job)) yield* this.#syncJob(job);
    }
  }

  *#syncJob(job: KubeObject & VolcanoJob): Generator<void> {
    const { status, spec } = job;
    const phase = status?.state?.phase ?? "Pending";
    const pods = this.#store.ownedBy(job.metadata.uid, PODS);
    const next = ENDING[phase];
    if (next !== undefined) {
      yield* this.#kill(job, pods);
      if (this.#store.ownedBy(job.metadata.uid, PODS).some((pod) => isAlive(pod) || isDeleting(pod))) return;
      yield* this.#setPhase(job, next);
      return;
    }
    if (["Aborted", "Completed", "Terminated", "Failed"].includes(phase)) {
      yield* this.#kill(job, pods);
      return;
    }
    const isCurrent = (pod: KubeObject): boolean =>
      (this.slots.get(pod.metadata.uid)?.version ?? 0) >= (status?.version ?? 0);
    const failed = pods.find((pod) => !isDeleting(pod) && phaseOf(pod) === "Failed" && isCurrent(pod));
    const wanted = (spec?.tasks ?? []).reduce((sum, { replicas }) => sum + replicas, 0);
    if (failed !== undefined && spec?.policy === "RestartPod") {
      deleteObject(this.#store, failed);
      yield;
    } else if (failed !== undefined) {
      const isLast = (status?.retryCount ?? 0) >= MAX_RETRIES;
      yield* this.#killAll(job, isLast ? "Failed" : spec?.policy === "AbortJob" ? "Aborting" : "Restarting");
      return;
    } else if (wanted > 0 && pods.filter((pod) => phaseOf(pod) === "Succeeded" && isCurrent(pod)).length >= wanted) {
      yield* this.#killAll(job, "Completing");
      return;
    }
    yield* this.#syncTasks(job);
  }

  *#syncTasks(job: KubeObject & VolcanoJob): Generator<void> {
    const version = job.status?.version ?? 0;
    const pods = this.#store.ownedBy(job.metadata.uid, PODS);
    for (const { name, replicas } of job.spec?.tasks ?? []) {
      for (let index = 0; index < replicas; index += 1) {
        const podName = `${job.metadata.name}-${name}-${index}`;
        if (this.#store.find(PODS, podName) !== undefined) continue;
        const pod = this.#store.create({
          ...PODS,
          metadata: {
            name: podName,
            labels: {
              [`${PREFIX}job-name`]: job.metadata.name,
              [`${PREFIX}task-spec`]: name,
              [`${PREFIX}task-index`]: String(index),
            },
            annotations: { [`${PREFIX}job-version`]: String(version) },
            ownerReferences: [controllerReference(job)],
          },
          spec: { containers: [{ name: "main", image: "a" }] },
          status: { phase: "Pending" },
        });
        this.slots.set(pod.metadata.uid, { task: name, index, version });
        yield;
      }
    }
    for (const pod of pods) {
      const slot = this.slots.get(pod.metadata.uid);
      const task = job.spec?.tasks?.find(({ name }) => name === slot?.task);
      if (slot === undefined || isDeleting(pod) || slot.index < (task?.replicas ?? 0)) continue;
      deleteObject(this.#store, pod);
      yield;
    }
  }

  /** The version in the status makes every pod of before obsolete. Pods that have ended stay until the restart is through. */
  *#killAll(job: KubeObject & VolcanoJob, phase: string): Generator<void> {
    const { version = 0, retryCount = 0 } = job.status ?? {};
    const pods = this.#store.everOwnedBy(job.metadata.uid, PODS).map(({ metadata }) => metadata.uid);
    const isRetry = phase === "Restarting";
    this.#store.update(
      job,
      { status: { version: version + 1, retryCount: retryCount + (isRetry ? 1 : 0), state: { phase } } },
      obsolete(...pods),
    );
    yield;
  }

  *#kill(job: KubeObject & VolcanoJob, pods: readonly KubeObject[]): Generator<void> {
    const isRestarting = job.status?.state?.phase === "Restarting";
    for (const pod of pods) {
      if (isDeleting(pod) || !(isAlive(pod) || isRestarting)) continue;
      deleteObject(this.#store, pod);
      yield;
    }
  }

  *#setPhase(job: KubeObject & VolcanoJob, phase: string): Generator<void> {
    const current = this.#store.get(job.metadata.uid);
    if (current === undefined) return;
    this.#store.update(current, { status: { state: { phase } } });
    yield;
  }
}
