import type { KubernetesObject } from "@kubernetes/client-node";
import { indexedJobSpec } from "./manifests.ts";
import type { JobSpec, PodSpec } from "./manifests.ts";
import type { KubeObject } from "./objects.ts";

/** https://jobset.sigs.k8s.io/docs/reference/jobset.v1alpha2: the client has no types of it. */
export interface ReplicatedJob {
  readonly name: string;
  readonly replicas: number;
  readonly template: { readonly spec: JobSpec };
  readonly dependsOn?: readonly { readonly name: string; readonly status: "Ready" | "Complete" }[];
}

export interface JobSet extends KubernetesObject {
  readonly spec: Readonly<Record<string, unknown>>;
}

/** One Job with indexed pods, as part of a JobSet. */
export function replicatedJob(name: string, pods: number, spec: PodSpec, more: Partial<JobSpec> = {}): ReplicatedJob {
  return { name, replicas: 1, template: { spec: indexedJobSpec(pods, spec, undefined, more) } };
}

export function jobSet(
  name: string,
  replicatedJobs: readonly ReplicatedJob[],
  more: Readonly<Record<string, unknown>> = {},
): JobSet {
  return {
    apiVersion: "jobset.x-k8s.io/v1alpha2",
    kind: "JobSet",
    metadata: { name },
    spec: { replicatedJobs, ...more },
  };
}

/** Label selector of all pods of a JobSet. */
export function ofJobSet(name: string): string {
  return `jobset.sigs.k8s.io/jobset-name=${name}`;
}

/** Label whose value is the replicated job of a pod. */
export const ROLE_LABEL = "jobset.sigs.k8s.io/replicatedjob-name";

/** The replicated job of a pod. */
export function roleOf({ metadata }: KubeObject): string {
  return metadata.labels?.[ROLE_LABEL] ?? "";
}

/**
 * One head and some workers. The workers' Job is created when the head is ready; that takes longer than one second, the precision
 * of creation timestamps.
 */
export function training(name: string, workers: number, spec: PodSpec): JobSet {
  const [main] = spec.containers;
  if (main === undefined) throw new Error("a training pod needs a container");
  const warmUp = { ...main, name: "warm-up", command: ["sh", "-c", "sleep 1.5"] };
  return jobSet(
    name,
    [replicatedJob("head", 1, { ...spec, initContainers: [warmUp] }), replicatedJob("worker", workers, spec)],
    { startupPolicy: { startupPolicyOrder: "InOrder" } },
  );
}
