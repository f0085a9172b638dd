// The parts of a JobSet that its controller reads.

import { createHash } from "node:crypto";
import type { StoredObject } from "../world.ts";
import type { Labels, PodTemplate } from "./objects.ts";

export const prefix = "jobset.sigs.k8s.io/";

export interface JobTemplate {
  readonly metadata?: { readonly labels?: Labels; readonly annotations?: Labels };
  readonly spec?: Readonly<Record<string, unknown>> & { readonly template?: PodTemplate };
}

export interface ReplicatedJob {
  readonly name: string;
  readonly groupName?: string;
  readonly replicas?: number;
  readonly template: JobTemplate;
  readonly dependsOn?: readonly { readonly name: string; readonly status: "Ready" | "Complete" }[];
}

export interface FailureRule {
  readonly name?: string;
  readonly action: string;
  readonly onJobFailureReasons?: readonly string[];
  readonly onJobFailureMessagePatterns?: readonly string[];
  readonly targetReplicatedJobs?: readonly string[];
}

export interface JobSetSpec {
  readonly replicatedJobs?: readonly ReplicatedJob[];
  readonly failurePolicy?: {
    readonly maxRestarts?: number;
    readonly restartStrategy?: string;
    readonly rules?: readonly FailureRule[];
  };
  readonly successPolicy?: { readonly operator?: string; readonly targetReplicatedJobs?: readonly string[] };
  readonly startupPolicy?: { readonly startupPolicyOrder?: string };
  readonly network?: {
    readonly enableDNSHostnames?: boolean;
    readonly subdomain?: string;
    readonly publishNotReadyAddresses?: boolean;
  };
  readonly coordinator?: { readonly replicatedJob: string; readonly jobIndex?: number; readonly podIndex?: number };
  readonly suspend?: boolean;
  readonly managedBy?: string;
  readonly ttlSecondsAfterFinished?: number;
}

export function jobSetSpec(set: StoredObject): JobSetSpec {
  return set.spec ?? {};
}

export function replicasOf(job: ReplicatedJob): number {
  return job.replicas ?? 1;
}

export function jobName(set: StoredObject, replicated: ReplicatedJob, index: number): string {
  return `${set.metadata.name}-${replicated.name}-${index}`;
}

export function subdomainOf(set: StoredObject): string {
  return jobSetSpec(set).network?.subdomain ?? set.metadata.name;
}

/** Restarts of the whole JobSet so far: the number of the current attempt. */
export function restartsOf(set: StoredObject): number {
  const restarts = set.status?.["restarts"];
  return typeof restarts === "number" ? restarts : 0;
}

export function attemptOf(job: StoredObject): number {
  return Number(job.metadata.labels?.[`${prefix}restart-attempt`] ?? 0) || 0;
}

export function replicatedJobOf(job: StoredObject): string | undefined {
  return job.metadata.labels?.[`${prefix}replicatedjob-name`];
}

/** Labels and annotations of the Job and of its pods. Totals and indexes are those at creation. */
export function jobLabels(set: StoredObject, replicated: ReplicatedJob, index: number): Record<string, string> {
  const spec = jobSetSpec(set);
  const all = spec.replicatedJobs ?? [];
  const before = all.slice(
    0,
    all.findIndex(({ name }) => name === replicated.name),
  );
  const group = replicated.groupName ?? "default";
  const inGroup = (job: ReplicatedJob): boolean => (job.groupName ?? "default") === group;
  const sum = (jobs: readonly ReplicatedJob[]): number => jobs.reduce((total, job) => total + replicasOf(job), 0);
  const name = jobName(set, replicated, index);
  const { coordinator } = spec;
  const values: Record<string, string> = {
    "jobset-name": set.metadata.name,
    "jobset-uid": set.metadata.uid,
    "replicatedjob-name": replicated.name,
    "replicatedjob-replicas": String(replicasOf(replicated)),
    "global-replicas": String(sum(all)),
    "group-name": group,
    "group-replicas": String(sum(all.filter(inGroup))),
    "job-index": String(index),
    "job-global-index": String(sum(before) + index),
    "job-group-index": String(sum(before.filter(inGroup)) + index),
    "job-key": createHash("sha1")
      .update(`${set.metadata.namespace ?? ""}/${name}`)
      .digest("hex"),
    "restart-attempt": String(restartsOf(set)),
    ...(coordinator === undefined
      ? {}
      : {
          coordinator: `${set.metadata.name}-${coordinator.replicatedJob}-${coordinator.jobIndex ?? 0}-${coordinator.podIndex ?? 0}.${subdomainOf(set)}`,
        }),
  };
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix}${key}`, value]));
}
