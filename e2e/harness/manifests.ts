import type {
  V1ConfigMap,
  V1Container,
  V1Deployment,
  V1DeploymentSpec,
  V1Job,
  V1JobSpec,
  V1Pod,
  V1PodSpec,
  V1PodTemplateSpec,
  V1StatefulSet,
  V1StatefulSetSpec,
} from "@kubernetes/client-node";
import type { Plain } from "./objects.ts";

export type Container = Plain<V1Container>;
export type PodSpec = Plain<V1PodSpec>;
export type Job = Plain<V1Job>;
export type JobSpec = Plain<V1JobSpec>;
type Labels = Record<string, string>;

/** Waits, and ends at once after SIGTERM. */
export const IDLE = "trap 'exit 0' TERM; sleep 36000 & wait";

/** Ignores SIGTERM and ends when /tmp/end exists: until then its pod is terminating. */
const IGNORE_TERM = "trap '' TERM; while [ ! -e /tmp/end ]; do sleep 0.2; done";

/** Creates the files that containers hold before kinsync starts. */
export const SEED = "mkdir -p /app/src; echo old >/app/src/f.txt";

/** Creates the mapped folder without any file, and waits. */
export const EMPTY = `mkdir -p /app/src; ${IDLE}`;

/** A container with a shell. */
export function container(
  image: string,
  script: string = `${SEED}; ${IDLE}`,
  more: Partial<Container> = {},
): Container {
  return {
    name: "main",
    image,
    imagePullPolicy: "IfNotPresent",
    workingDir: "/app",
    command: ["sh", "-c", script],
    ...more,
  };
}

/** Spec of a pod with one container or several. */
export function podSpec(
  containers: Container | readonly Container[],
  more: Partial<Omit<PodSpec, "containers">> = {},
): PodSpec {
  return {
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    containers: [containers].flat(),
    ...more,
  };
}

/**
 * Spec of pods that become ready only if the gate was open when they started, or after `openGate`. Versions differ by a variable
 * of the environment. Requires the object of `gateMap`.
 */
export function gated(image: string, version: string): PodSpec {
  const script = `${SEED}; [ "$GATE" != open ] || touch /tmp/ready; ${IDLE}`;
  const gate = { name: "GATE", valueFrom: { configMapKeyRef: { name: "gate", key: "gate" } } };
  return podSpec(
    container(image, script, {
      env: [gate, { name: "VERSION", value: version }],
      readinessProbe: { exec: { command: ["test", "-e", "/tmp/ready"] }, periodSeconds: 1 },
    }),
  );
}

/** Decides whether pods that start from now on become ready by themselves. To be created, or used as a patch. */
export function gateMap(gate: "open" | "closed"): Plain<V1ConfigMap> {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "gate" }, data: { gate } };
}

/** Spec of a pod that terminates only after `releasePods`: the state in between lasts as long as the situation needs it. */
export function lingering(image: string, more: Partial<Container> = {}): PodSpec {
  return podSpec(container(image, `${SEED}; ${IGNORE_TERM}`, more), { terminationGracePeriodSeconds: 180 });
}

/** Spec of a pod that fails when /tmp/fail exists. */
export function failingOnRequest(image: string): PodSpec {
  return podSpec(container(image, `${SEED}; while [ ! -e /tmp/fail ]; do sleep 0.2; done; exit 1`));
}

export function pod(name: string, spec: PodSpec, labels: Labels = {}): Plain<V1Pod> {
  return { apiVersion: "v1", kind: "Pod", metadata: { name, labels }, spec };
}

function template(name: string, spec: PodSpec): Plain<V1PodTemplateSpec> {
  return { metadata: { labels: { app: name } }, spec };
}

export function deployment(
  name: string,
  replicas: number,
  spec: PodSpec,
  more: Partial<Plain<V1DeploymentSpec>> = {},
): Plain<V1Deployment> {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name, spec), ...more },
  };
}

export function statefulSet(
  name: string,
  replicas: number,
  spec: PodSpec,
  more: Partial<Plain<V1StatefulSetSpec>> = {},
): Plain<V1StatefulSet> {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name },
    spec: {
      replicas,
      serviceName: name,
      podManagementPolicy: "Parallel",
      selector: { matchLabels: { app: name } },
      template: template(name, spec),
      ...more,
    },
  };
}

/** Spec of a Job with indexed pods that are not restarted. */
export function indexedJobSpec(pods: number, spec: PodSpec, labels?: Labels, more: Partial<JobSpec> = {}): JobSpec {
  return {
    parallelism: pods,
    completions: pods,
    completionMode: "Indexed",
    backoffLimit: 0,
    template: { ...(labels === undefined ? {} : { metadata: { labels } }), spec: { restartPolicy: "Never", ...spec } },
    ...more,
  };
}

/** A Job with indexed pods. */
export function indexedJob(
  name: string,
  pods: number,
  spec: PodSpec,
  labels: Labels = {},
  more: Partial<JobSpec> = {},
): Job {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, labels },
    spec: indexedJobSpec(pods, spec, labels, more),
  };
}
