// As k8s pkg/controller/job.

import type { StoredObject } from "../world.ts";
import { createPod, deletePod, type Controller, type ControllerContext } from "./controller.ts";
import { formatIndexes, parseIndexes } from "./index-list.ts";
import {
  deletedAt,
  dropTracking,
  finishedAt,
  indexFailures,
  indexOf,
  isTracked,
  jobTracking,
  podOfIndex,
  restartsOf,
  surplus,
} from "./job-pods.ts";
import {
  apiTime,
  conditionsOf,
  isActivePod,
  isDeleting,
  isFinishedPod,
  isReadyPod,
  isTrue,
  nonZero,
  numberAt,
  podPhase,
  templateOf,
  type Condition,
} from "./objects.ts";

const jobs = "jobs.batch";
/** The real controller waits for a second; times of objects have whole seconds. */
const BATCH_MS = 2_000;

export const jobController: Controller = {
  resource: jobs,
  reconcile(job, context) {
    const managedBy = job.spec?.["managedBy"];
    if (managedBy !== undefined && managedBy !== "kubernetes.io/job-controller") return;
    new JobPass(job, context).run();
  },
};

export function isFinishedJob(job: StoredObject): boolean {
  return isTrue(job, "Complete") || isTrue(job, "Failed");
}

/** One reconcile of a Job. */
class JobPass {
  readonly #job: StoredObject;
  readonly #context: ControllerContext;
  readonly #spec: Readonly<Record<string, unknown>>;
  readonly #indexed: boolean;
  readonly #completions: number | undefined;
  readonly #parallelism: number;
  readonly #suspended: boolean;
  readonly #waitsForFailed: boolean;
  #conditions: Condition[];
  #succeeded: number;
  #failed: number;
  #startTime: unknown;
  readonly #completed: Set<number>;
  readonly #failedIndexes: Set<number>;

  constructor(job: StoredObject, context: ControllerContext) {
    this.#job = job;
    this.#context = context;
    const spec = job.spec ?? {};
    this.#spec = spec;
    this.#indexed = spec["completionMode"] === "Indexed";
    this.#completions = typeof spec["completions"] === "number" ? spec["completions"] : undefined;
    this.#parallelism = numberAt(spec, "parallelism", 1);
    this.#suspended = spec["suspend"] === true;
    this.#waitsForFailed = spec["podReplacementPolicy"] === "Failed" || spec["podFailurePolicy"] !== undefined;
    this.#conditions = [...conditionsOf(job)];
    this.#succeeded = numberAt(job.status, "succeeded", 0);
    this.#failed = numberAt(job.status, "failed", 0);
    this.#startTime = job.status?.["startTime"];
    this.#completed = parseIndexes(job.status?.["completedIndexes"] as string | undefined);
    this.#failedIndexes = parseIndexes(job.status?.["failedIndexes"] as string | undefined);
  }

  run(): void {
    if (isFinishedJob(this.#job) || isDeleting(this.#job)) {
      for (const pod of this.#pods()) if (isFinishedPod(pod) || isDeleting(this.#job)) dropTracking(pod, this.#context);
      if (isFinishedJob(this.#job)) this.#expire();
      return;
    }
    this.#syncSuspension();
    this.#count();
    if (this.#has("FailureTarget") || this.#has("SuccessCriteriaMet")) {
      this.#windUp();
    } else {
      const failure = this.#failure();
      if (failure !== undefined) this.#set("FailureTarget", failure);
      else if (this.#isDone()) this.#set("SuccessCriteriaMet", completionsReached);
      else this.#manage();
      if (this.#has("FailureTarget") || this.#has("SuccessCriteriaMet")) this.#windUp();
    }
    this.#writeStatus();
  }

  #pods(): StoredObject[] {
    return this.#context.view.ownedBy(this.#job.metadata.uid, "pods");
  }

  #active(): StoredObject[] {
    return this.#pods().filter(isActivePod);
  }

  #has(type: string): boolean {
    return this.#conditions.some((condition) => condition.type === type && condition.status === "True");
  }

  #set(type: string, { status = "True", reason, message }: { status?: string; reason: string; message: string }): void {
    const now = apiTime();
    const others = this.#conditions.filter((condition) => condition.type !== type);
    this.#conditions = [...others, { type, status, lastProbeTime: now, lastTransitionTime: now, reason, message }];
  }

  #syncSuspension(): void {
    if (this.#suspended) {
      if (!this.#has("Suspended")) this.#set("Suspended", { reason: "JobSuspended", message: "Job suspended" });
    } else {
      if (this.#has("Suspended")) {
        this.#set("Suspended", { status: "False", reason: "JobResumed", message: "Job resumed" });
        this.#startTime = apiTime();
      }
      this.#startTime ??= apiTime();
    }
  }

  /** Counts the pods that have ended, each once: their finalizer ensures it. */
  #count(): void {
    for (const pod of this.#pods()) {
      if (!isTracked(pod)) continue;
      const index = indexOf(pod);
      if (podPhase(pod) === "Succeeded") {
        if (
          !this.#indexed ||
          (index !== undefined && index < (this.#completions ?? 0) && !this.#completed.has(index))
        ) {
          this.#succeeded += 1;
          if (index !== undefined) this.#completed.add(index);
        }
      } else if (podPhase(pod) === "Failed" || (isDeleting(pod) && !this.#waitsForFailed && !this.#mayStillEnd(pod))) {
        this.#failed += 1;
        if (index !== undefined) this.#countIndexFailure(pod, index);
      } else {
        continue;
      }
      dropTracking(pod, this.#context);
    }
  }

  /** A pod was deleted a moment ago: the controller joins changes of a second, and a pod that ends with 0 in that time has succeeded. */
  #mayStillEnd(pod: StoredObject): boolean {
    if (!isDeleting(pod) || isFinishedPod(pod)) return false;
    const left = deletedAt(pod) + BATCH_MS - Date.now();
    if (left > 0) this.#context.again(this.#job, left);
    return left > 0;
  }

  #countIndexFailure(pod: StoredObject, index: number): void {
    const limit = this.#spec["backoffLimitPerIndex"];
    if (typeof limit !== "number") return;
    if (indexFailures(pod) + 1 > limit) this.#failedIndexes.add(index);
  }

  #isDone(): boolean {
    if (this.#suspended) return false;
    if (this.#completions === undefined) return this.#succeeded > 0 && this.#active().length === 0;
    return this.#succeeded >= this.#completions;
  }

  #failure(): { reason: string; message: string } | undefined {
    const deadline = this.#spec["activeDeadlineSeconds"];
    if (typeof deadline === "number" && typeof this.#startTime === "string" && !this.#suspended) {
      const left = Date.parse(this.#startTime) + deadline * 1000 - Date.now();
      if (left <= 0) return { reason: "DeadlineExceeded", message: "Job was active longer than specified deadline" };
      this.#context.again(this.#job, left);
    }
    const perIndex = typeof this.#spec["backoffLimitPerIndex"] === "number";
    const limit = numberAt(this.#spec, "backoffLimit", perIndex ? 2 ** 31 - 1 : 6);
    const restarts = templateOf(this.#job).spec?.["restartPolicy"] === "OnFailure" ? restartsOf(this.#active()) : 0;
    if (this.#failed > limit || (restarts > 0 && restarts >= Math.max(limit, 1))) {
      return { reason: "BackoffLimitExceeded", message: "Job has reached the specified backoff limit" };
    }
    const ended = this.#completed.size + this.#failedIndexes.size;
    if (perIndex && this.#failedIndexes.size > 0 && ended >= (this.#completions ?? Infinity)) {
      return { reason: "FailedIndexes", message: "Job has failed indexes" };
    }
    return undefined;
  }

  /** Deletes active pods; sets the final condition when none is left. */
  #windUp(): void {
    for (const pod of this.#active()) this.#deleteUncounted(pod);
    if (this.#pods().some((pod) => !isFinishedPod(pod))) return;
    const target = this.#conditions.find(({ type }) => type === "FailureTarget");
    if (target !== undefined) this.#set("Failed", { reason: target.reason ?? "", message: target.message ?? "" });
    else this.#set("Complete", completionsReached);
  }

  /** A pod that the controller deletes does not count as failed. */
  #deleteUncounted(pod: StoredObject): void {
    dropTracking(pod, this.#context);
    deletePod(pod, this.#context);
  }

  #manage(): void {
    const active = this.#active();
    if (this.#suspended) {
      for (const pod of active) this.#deleteUncounted(pod);
      return;
    }
    const left =
      this.#completions === undefined ? Infinity : this.#completions - this.#succeeded - this.#failedIndexes.size;
    const desired =
      this.#completions === undefined && this.#succeeded > 0
        ? active.length
        : Math.min(this.#parallelism, Math.max(0, left));
    for (const pod of surplus(active, desired)) this.#deleteUncounted(pod);
    // With podReplacementPolicy Failed, a terminating pod still counts.
    const ending = this.#pods().filter(
      (pod) => this.#mayStillEnd(pod) || (this.#waitsForFailed && isDeleting(pod) && !isFinishedPod(pod)),
    );
    const missing = desired - active.length - ending.length;
    if (missing <= 0) return;
    const pause = this.#backOff();
    if (pause > 0) {
      this.#context.again(this.#job, pause);
      return;
    }
    if (!this.#indexed) {
      for (let n = 0; n < missing; n += 1)
        createPod(this.#job, templateOf(this.#job), { finalizers: [jobTracking] }, this.#context);
      return;
    }
    const taken = new Set([...active, ...ending].map(indexOf));
    const free = range(this.#completions ?? 0).filter(
      (index) => !taken.has(index) && !this.#completed.has(index) && !this.#failedIndexes.has(index),
    );
    for (const index of free.slice(0, missing)) this.#createIndex(index);
  }

  /** Milliseconds until the next pod may be created. */
  #backOff(): number {
    const ends = this.#pods().filter((pod) => podPhase(pod) === "Failed");
    const latest = Math.max(0, ...ends.map(finishedAt));
    if (ends.length === 0) return 0;
    return Math.max(0, latest + this.#context.jobBackOff(ends.length) - Date.now());
  }

  #createIndex(index: number): void {
    const failures = this.#pods().filter((pod) => indexOf(pod) === index && podPhase(pod) === "Failed");
    const perIndex = typeof this.#spec["backoffLimitPerIndex"] === "number";
    const overrides = podOfIndex(this.#job, index, perIndex ? failures : undefined);
    createPod(this.#job, templateOf(this.#job), overrides, this.#context);
  }

  #writeStatus(): void {
    const pods = this.#pods();
    const active = pods.filter(isActivePod);
    const done = this.#has("Complete");
    const completed = formatIndexes(this.#completed);
    const perIndex = typeof this.#spec["backoffLimitPerIndex"] === "number";
    this.#context.view.updateStatus(jobs, this.#job, {
      ...(this.#conditions.length === 0 ? {} : { conditions: this.#conditions }),
      ...(this.#startTime === undefined ? {} : { startTime: this.#startTime }),
      ...(done ? { completionTime: this.#job.status?.["completionTime"] ?? apiTime() } : {}),
      ...nonZero({ active: active.length, succeeded: this.#succeeded, failed: this.#failed }),
      ...(this.#indexed && completed !== "" ? { completedIndexes: completed } : {}),
      ...(perIndex ? { failedIndexes: formatIndexes(this.#failedIndexes) } : {}),
      ready: active.filter(isReadyPod).length,
      terminating: pods.filter((pod) => isDeleting(pod) && !isFinishedPod(pod)).length,
      uncountedTerminatedPods: {},
    });
  }

  #expire(): void {
    const ttl = this.#spec["ttlSecondsAfterFinished"];
    const end = conditionsOf(this.#job).find(
      ({ type, status }) => ["Complete", "Failed"].includes(type) && status === "True",
    );
    if (typeof ttl !== "number" || end?.lastTransitionTime === undefined) return;
    const left = Date.parse(end.lastTransitionTime) + ttl * 1000 - Date.now();
    const { namespace, name, uid } = this.#job.metadata;
    if (left > 0) this.#context.again(this.#job, left);
    else this.#context.store.delete(jobs, namespace, name, { uid, propagation: "Foreground" });
  }
}

const completionsReached = { reason: "CompletionsReached", message: "Reached expected number of succeeded pods" };

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
