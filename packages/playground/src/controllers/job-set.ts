// As sigs.k8s.io/jobset pkg/controllers/jobset_controller.go at v0.12.

import type { StoredObject } from "../world.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import { isFinishedJob } from "./job.ts";
import { judgeFailure } from "./job-set-failure.ts";
import { isStarted, jobOf, mergedTemplate, statusesOf, type RoleStatus } from "./job-set-jobs.ts";
import {
  attemptOf,
  jobName,
  jobSetSpec,
  prefix,
  replicasOf,
  replicatedJobOf,
  restartsOf,
  subdomainOf,
  type JobSetSpec,
  type ReplicatedJob,
} from "./job-set-spec.ts";
import { apiTime, conditionsOf, controllerReference, isDeleting, isTrue, numberAt, type Condition } from "./objects.ts";

const sets = "jobsets.jobset.x-k8s.io";
const jobs = "jobs.batch";

export const jobSetController: Controller = {
  resource: sets,
  reconcile(set, context) {
    const { managedBy } = jobSetSpec(set);
    // Another controller manages it, such as Kueue in another cluster.
    if (managedBy !== undefined && managedBy !== `${prefix}jobset-controller`) return;
    if (!isDeleting(set)) new JobSetPass(set, context).run();
  },
};

/** One reconcile of a JobSet. */
class JobSetPass {
  readonly #set: StoredObject;
  readonly #context: ControllerContext;
  readonly #spec: JobSetSpec;
  readonly #status: Record<string, unknown>;
  #conditions: Condition[];

  constructor(set: StoredObject, context: ControllerContext) {
    this.#set = set;
    this.#context = context;
    this.#spec = jobSetSpec(set);
    this.#status = { restarts: 0, ...set.status };
    this.#conditions = [...conditionsOf(set)];
  }

  run(): void {
    const owned = this.#context.view.ownedBy(this.#set.metadata.uid, jobs);
    const restarts = restartsOf(this.#set);
    // Only a lower number counts: not age, and not a higher number.
    const previous = owned.filter((job) => attemptOf(job) < restarts);
    const present = owned.filter((job) => !previous.includes(job));
    const roles = statusesOf(this.#spec, present);
    this.#status["replicatedJobsStatus"] = roles;
    if (isTrue(this.#set, "Completed") || isTrue(this.#set, "Failed")) {
      this.#deleteJobs(owned.filter((job) => !isFinishedJob(job)));
      this.#writeStatus();
      this.#expire();
      return;
    }
    this.#deleteJobs(previous);
    const failed = present.filter((job) => isTrue(job, "Failed"));
    if (failed.length > 0) this.#fail(failed);
    else if (this.#isDone(present)) this.#finish("Completed", "AllJobsCompleted", "jobset completed successfully");
    else this.#progress(previous, present, roles);
    this.#writeStatus();
  }

  #isDone(present: readonly StoredObject[]): boolean {
    const { operator = "All", targetReplicatedJobs = [] } = this.#spec.successPolicy ?? {};
    const counts = (name: string | undefined): boolean =>
      targetReplicatedJobs.length === 0 || targetReplicatedJobs.includes(name ?? "");
    const complete = present.filter((job) => isTrue(job, "Complete") && counts(replicatedJobOf(job))).length;
    if (operator === "Any") return complete > 0;
    const expected = (this.#spec.replicatedJobs ?? [])
      .filter(({ name }) => counts(name))
      .reduce((total, job) => total + replicasOf(job), 0);
    return expected > 0 && complete >= expected;
  }

  #fail(failed: readonly StoredObject[]): void {
    const verdict = judgeFailure(this.#set, failed);
    if (verdict.kind === "fail") {
      if (this.#conditions.some(({ type, status }) => type === "RestartingJobSet" && status === "True")) {
        this.#condition("RestartingJobSet", "False", "JobSetFailed", "jobset failed");
      }
      this.#finish("Failed", verdict.reason, verdict.message);
      return;
    }
    this.#status["restarts"] = numberAt(this.#status, "restarts", 0) + 1;
    if (verdict.counts) {
      this.#status["restartsCountTowardsMax"] = numberAt(this.#status, "restartsCountTowardsMax", 0) + 1;
    }
    this.#condition("RestartingJobSet", "True", verdict.reason, verdict.message);
  }

  #finish(type: "Completed" | "Failed", reason: string, message: string): void {
    this.#condition(type, "True", reason, message);
    this.#status["terminalState"] = type;
  }

  #progress(previous: readonly StoredObject[], present: readonly StoredObject[], roles: readonly RoleStatus[]): void {
    this.#ensureService();
    const suspended = this.#spec.suspend === true;
    if (suspended) this.#suspend(present);
    else this.#resume(present);
    const blocking = this.#spec.failurePolicy?.restartStrategy === "BlockingRecreate";
    if (!(blocking && previous.length > 0)) this.#createJobs(roles, suspended);
    const expected = (this.#spec.replicatedJobs ?? []).reduce((total, job) => total + replicasOf(job), 0);
    const ready = roles.reduce((total, role) => total + role.ready + role.succeeded, 0);
    if (
      ready >= expected &&
      this.#conditions.some(({ type, status }) => type === "RestartingJobSet" && status === "True")
    ) {
      this.#condition("RestartingJobSet", "False", "JobsReady", "all jobs are ready");
    }
  }

  #createJobs(roles: readonly RoleStatus[], suspended: boolean): void {
    const inOrder = this.#spec.startupPolicy?.startupPolicyOrder === "InOrder" && !suspended;
    for (const replicated of this.#spec.replicatedJobs ?? []) {
      const role = roles.find(({ name }) => name === replicated.name);
      if (inOrder && role !== undefined && isStarted(replicated, role)) continue;
      if (!suspended && !this.#mayStart(replicated, roles)) continue;
      for (let index = 0; index < replicasOf(replicated); index += 1) this.#createJob(replicated, index, suspended);
      if (inOrder) {
        this.#condition("StartupPolicyInProgress", "True", "InOrderStartupPolicyInProgress", inOrderMessage);
        return;
      }
    }
    if (inOrder) {
      this.#condition("StartupPolicyInProgress", "False", "InOrderStartupPolicyInProgress", inOrderMessage);
      this.#condition(
        "StartupPolicyCompleted",
        "True",
        "InOrderStartupPolicyCompleted",
        "in order startup policy has completed",
      );
    }
  }

  #mayStart(replicated: ReplicatedJob, roles: readonly RoleStatus[]): boolean {
    return (replicated.dependsOn ?? []).every(({ name, status }) => {
      const other = (this.#spec.replicatedJobs ?? []).find((job) => job.name === name);
      const role = roles.find((candidate) => candidate.name === name);
      if (other === undefined || role === undefined) return false;
      return (status === "Complete" ? role.succeeded : role.ready + role.succeeded) >= replicasOf(other);
    });
  }

  #createJob(replicated: ReplicatedJob, index: number, suspended: boolean): void {
    const set = this.#set;
    const { namespace } = set.metadata;
    const name = jobName(set, replicated, index);
    // Also if the previous attempt's Job keeps the name until its foreground deletion ends.
    if (this.#context.store.get(jobs, namespace, name) !== undefined) return;
    this.#context.store.create(jobs, namespace, jobOf(set, replicated, index, suspended));
  }

  #suspend(present: readonly StoredObject[]): void {
    for (const job of present) {
      if (job.spec?.["suspend"] === true || isFinishedJob(job) || isDeleting(job)) continue;
      this.#context.view.update(jobs, job, ({ spec }) => ({ spec: { ...spec, suspend: true } }));
    }
    this.#condition("Suspended", "True", "SuspendedJobs", "jobset is suspended");
  }

  /** Resumes the same Jobs, with what a queue has written into the JobSet's pod templates. */
  #resume(present: readonly StoredObject[]): void {
    for (const job of present) {
      if (job.spec?.["suspend"] !== true || isDeleting(job)) continue;
      const replicated = (this.#spec.replicatedJobs ?? []).find(({ name }) => name === replicatedJobOf(job));
      this.#context.view.update(jobs, job, ({ spec }) => ({
        spec: {
          ...spec,
          template: mergedTemplate(spec?.["template"], replicated?.template.spec?.template),
          suspend: false,
        },
      }));
    }
    if (this.#conditions.some(({ type, status }) => type === "Suspended" && status === "True")) {
      this.#condition("Suspended", "False", "ResumeJobs", "jobset is resumed");
    }
  }

  #ensureService(): void {
    if (this.#spec.network?.enableDNSHostnames === false) return;
    const { namespace, name } = this.#set.metadata;
    const subdomain = subdomainOf(this.#set);
    if (this.#context.store.get("services", namespace, subdomain) !== undefined) return;
    this.#context.store.create("services", namespace, {
      metadata: { name: subdomain, ownerReferences: [controllerReference(this.#set)] },
      spec: {
        clusterIP: "None",
        selector: { [`${prefix}jobset-name`]: name },
        publishNotReadyAddresses: this.#spec.network?.publishNotReadyAddresses !== false,
      },
    });
  }

  #deleteJobs(doomed: readonly StoredObject[]): void {
    for (const job of doomed) {
      if (isDeleting(job)) continue;
      const { namespace, name, uid } = job.metadata;
      this.#context.store.delete(jobs, namespace, name, { uid, propagation: "Foreground" });
    }
  }

  #condition(type: string, status: string, reason: string, message: string): void {
    const before = this.#conditions.find((condition) => condition.type === type);
    if (before?.status === status && before.reason === reason) return;
    const next = { type, status, reason, message, lastTransitionTime: apiTime() };
    this.#conditions =
      before === undefined
        ? [...this.#conditions, next]
        : this.#conditions.map((condition) => (condition === before ? next : condition));
  }

  #writeStatus(): void {
    const conditions = this.#conditions.length === 0 ? {} : { conditions: this.#conditions };
    this.#context.view.updateStatus(sets, this.#set, { ...this.#status, ...conditions });
  }

  #expire(): void {
    const ttl = this.#spec.ttlSecondsAfterFinished;
    const end = this.#conditions.find(
      ({ type, status }) => ["Completed", "Failed"].includes(type) && status === "True",
    );
    if (ttl === undefined || end?.lastTransitionTime === undefined) return;
    const left = Date.parse(end.lastTransitionTime) + ttl * 1000 - Date.now();
    const { namespace, name, uid } = this.#set.metadata;
    if (left > 0) this.#context.again(this.#set, left);
    else this.#context.store.delete(sets, namespace, name, { uid, propagation: "Foreground" });
  }
}

const inOrderMessage = "in order startup policy is in progress";
