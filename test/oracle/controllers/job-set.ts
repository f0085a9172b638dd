import type { KubeObject } from "@kinsync/core/contract";
import { obsolete } from "../cluster/facts.ts";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { controllerReference, isDeleting, type Typed } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { JOBS, JOB_SETS } from "../cluster/types.ts";
import { hasEnded, type Job, type JobSpec } from "./job.ts";

const PREFIX = "jobset.sigs.k8s.io/";
const MAX_RESTARTS = 4;

export interface ReplicatedJob {
  readonly name: string;
  readonly replicas: number;
  readonly dependsOn?: string;
  readonly job: Partial<JobSpec>;
}

export type JobSet = Typed<
  {
    readonly suspend: boolean;
    readonly failurePolicy: {
      readonly restartStrategy: "Recreate" | "BlockingRecreate";
      readonly action: "RestartJobSet" | "RestartJob";
    };
    readonly replicatedJobs: readonly ReplicatedJob[];
  },
  {
    readonly restarts: number;
    readonly terminalState: string;
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
    readonly replicatedJobsStatus: readonly { readonly name: string; readonly jobRestarts: readonly number[] }[];
  }
>;

/** The attempt that a Job was created for: of the whole JobSet, and of this one Job. */
interface Attempt {
  readonly restarts: number;
  readonly ofJob: number;
}

/** The JobSet controller with the gate RestartJob (jobset `pkg/controllers/{jobset_controller,failure_policy}.go`). */
export class JobSetController {
  readonly #store: Store;
  /** By the UID of the Job. The labels say the same; the oracle does not read them. */
  readonly #attempts = new Map<string, Attempt>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** One pass over all JobSets. */
  *sync(): Generator<void> {
    for (const { metadata } of this.#store.list(JOB_SETS)) {
      const set = this.#store.get(metadata.uid);
      if (set !== undefined && !isDeleting(set)) yield* this.#syncJobSet(set);
    }
  }

  /** A Job of the run that the status wants. */
  isCurrent(set: JobSet, job: KubeObject): boolean {
    const attempt = this.#attempts.get(job.metadata.uid);
    const { role, index } = placeOf(job);
    return (
      attempt !== undefined &&
      attempt.restarts >= (set.status?.restarts ?? 0) &&
      attempt.ofJob >= jobRestartsOf(set, role)[index]!
    );
  }

  *#syncJobSet(set: KubeObject & JobSet): Generator<void> {
    const { spec, status } = set;
    if (status?.terminalState !== undefined) {
      yield* this.#deleteJobs(set, (job) => !hasEnded(job));
      return;
    }
    yield* this.#deleteJobs(set, (job) => !this.isCurrent(set, job));
    const jobs = this.#jobsOf(set).filter((job) => this.isCurrent(set, job));
    const failed = jobs.find((job) => conditionOf(job) === "Failed");
    if (failed !== undefined) {
      yield* this.#fail(set, failed);
      return;
    }
    const wanted = (spec?.replicatedJobs ?? []).reduce((sum, { replicas }) => sum + replicas, 0);
    if (jobs.filter((job) => conditionOf(job) === "Complete").length >= wanted && wanted > 0) {
      yield* this.#end(set, "Completed");
      return;
    }
    if (spec?.suspend === true) {
      yield* this.#suspend(jobs, true);
      return;
    }
    yield* this.#suspend(jobs, false);
    yield* this.#create(set, jobs);
  }

  *#create(set: KubeObject & JobSet, jobs: readonly KubeObject[]): Generator<void> {
    const { spec, status, metadata } = set;
    const isBlocked =
      spec?.failurePolicy?.restartStrategy === "BlockingRecreate" && this.#jobsOf(set).length > jobs.length;
    if (isBlocked) return;
    for (const replicated of spec?.replicatedJobs ?? []) {
      if (replicated.dependsOn !== undefined && !isStarted(jobs, replicated.dependsOn)) continue;
      for (let index = 0; index < replicated.replicas; index += 1) {
        const name = `${metadata.name}-${replicated.name}-${index}`;
        // A Job of the attempt before has the name until it is gone.
        if (this.#store.find(JOBS, name) !== undefined) continue;
        const attempt = { restarts: status?.restarts ?? 0, ofJob: jobRestartsOf(set, replicated.name)[index] ?? 0 };
        const labels = {
          [`${PREFIX}jobset-name`]: metadata.name,
          [`${PREFIX}jobset-uid`]: metadata.uid,
          [`${PREFIX}replicatedjob-name`]: replicated.name,
          [`${PREFIX}job-index`]: String(index),
          [`${PREFIX}restart-attempt`]: String(attempt.restarts),
          [`${PREFIX}job-restart-attempt`]: String(attempt.ofJob),
        };
        const job = this.#store.create({
          ...JOBS,
          metadata: { name, labels, annotations: labels, ownerReferences: [controllerReference(set)] },
          spec: { ...replicated.job, podLabels: labels, podAnnotations: labels },
        });
        this.#attempts.set(job.metadata.uid, attempt);
        yield;
      }
    }
  }

  /** The whole JobSet starts again, or the one Job that failed. The status that says so makes the pods of before obsolete. */
  *#fail(set: KubeObject & JobSet, failed: KubeObject): Generator<void> {
    const { status, spec } = set;
    const restarts = status?.restarts ?? 0;
    const { role, index } = placeOf(failed);
    const isOfJob = spec?.failurePolicy?.action === "RestartJob";
    const counted = isOfJob ? (jobRestartsOf(set, role)[index] ?? 0) : restarts;
    if (counted >= MAX_RESTARTS) {
      yield* this.#end(set, "Failed");
      return;
    }
    const next: JobSet["status"] = isOfJob
      ? { replicatedJobsStatus: withJobRestart(set, role, index) }
      : { restarts: restarts + 1 };
    this.#announce(set, next);
    yield;
  }

  *#end(set: KubeObject & JobSet, terminalState: string): Generator<void> {
    this.#announce(set, { terminalState, conditions: [{ type: terminalState, status: "True" }] });
    yield;
  }

  #announce(set: KubeObject & JobSet, next: NonNullable<JobSet["status"]>): void {
    const after: JobSet = { ...set, status: { ...set.status, ...next } };
    const behind = this.#store
      .everOwnedBy(set.metadata.uid, JOBS)
      .filter((job) => next.terminalState !== undefined || !this.isCurrent(after, job))
      .map(({ metadata }) => metadata.uid);
    this.#store.update(set, { status: next }, obsolete(...behind));
  }

  *#deleteJobs(set: KubeObject, isLeaving: (job: KubeObject) => boolean): Generator<void> {
    for (const job of this.#jobsOf(set)) {
      if (isDeleting(job) || !isLeaving(job)) continue;
      deleteObject(this.#store, job, "Foreground");
      yield;
    }
  }

  *#suspend(jobs: readonly KubeObject[], suspend: boolean): Generator<void> {
    for (const job of jobs) {
      if (hasEnded(job) || (job.spec?.["suspend"] ?? false) === suspend) continue;
      this.#store.update(job, { spec: { suspend } });
      yield;
    }
  }

  #jobsOf({ metadata }: KubeObject): KubeObject[] {
    return this.#store.ownedBy(metadata.uid, JOBS);
  }
}

/** Where the controller put a Job, by the Job's name. */
export function placeOf({ metadata }: KubeObject): { readonly role: string; readonly index: number } {
  const [, role = "", index = "0"] = /-([a-z]+)-(\d+)$/.exec(metadata.name) ?? [];
  return { role, index: Number(index) };
}

function conditionOf({ status }: Job): string | undefined {
  return status?.conditions?.find(({ type }) => type === "Complete" || type === "Failed")?.type;
}

function isStarted(jobs: readonly KubeObject[], role: string): boolean {
  return jobs.some((job) => placeOf(job).role === role);
}

/** A status without a list means zeros, as in the controller. */
function jobRestartsOf(set: JobSet, role: string): readonly number[] {
  const found = set.status?.replicatedJobsStatus?.find(({ name }) => name === role)?.jobRestarts ?? [];
  const replicas = set.spec?.replicatedJobs?.find(({ name }) => name === role)?.replicas ?? 0;
  return Array.from({ length: Math.max(replicas, found.length) }, (_, index) => found[index] ?? 0);
}

function withJobRestart(
  set: JobSet,
  role: string,
  index: number,
): NonNullable<JobSet["status"]>["replicatedJobsStatus"] & object {
  return (set.spec?.replicatedJobs ?? []).map(({ name }) => ({
    name,
    jobRestarts: jobRestartsOf(set, name).map((count, at) => (name === role && at === index ? count + 1 : count)),
  }));
}
