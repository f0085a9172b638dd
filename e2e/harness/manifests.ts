import type { Kubectl } from "./kubectl.ts";
import type { KubeObject, NewObject, Pod } from "./objects.ts";

/** Waits, and ends at once when it is told to. */
export const IDLE = "trap 'exit 0' TERM; sleep 36000 & wait";

/** Does not end when it is told to, but when somebody makes /tmp/end: until then its pod is one that terminates. */
const STUBBORN = "trap '' TERM; while [ ! -e /tmp/end ]; do sleep 0.2; done";

/** What containers hold before kinsync comes. */
export const SEED = "mkdir -p /app/src; echo old >/app/src/f.txt";

type Part = Readonly<Record<string, unknown>>;

/** The folder alone, with nothing in it. */
export const EMPTY = `mkdir -p /app/src; ${IDLE}`;

/** A container with a shell. */
export function container(image: string, script: string = `${SEED}; ${IDLE}`, more: Part = {}): Part {
  return {
    name: "main",
    image,
    imagePullPolicy: "IfNotPresent",
    workingDir: "/app",
    command: ["sh", "-c", script],
    ...more,
  };
}

/** Spec of a pod of one container, or of those given. */
export function podSpec(containers: Part | readonly Part[], more: Part = {}): Part {
  return {
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    containers: Array.isArray(containers) ? containers : [containers],
    ...more,
  };
}

/**
 * Pods of this version, told apart by a variable, become ready only where the gate was open at their start, or when somebody
 * opens it to them. They need the object of `gateMap`.
 */
export function gated(image: string, version: string): Part {
  const script = `${SEED}; [ "$GATE" != open ] || touch /tmp/ready; ${IDLE}`;
  const gate = { name: "GATE", valueFrom: { configMapKeyRef: { name: "gate", key: "gate" } } };
  return podSpec(
    container(image, script, {
      env: [gate, { name: "VERSION", value: version }],
      readinessProbe: { exec: { command: ["test", "-e", "/tmp/ready"] }, periodSeconds: 1 },
    }),
  );
}

/** Whether pods that start from now on are ready by themselves: to be created, or patched in. */
export function gateMap(gate: "open" | "closed"): NewObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "gate" }, data: { gate } };
}

/** Makes pods ready that started while the gate was closed. */
export async function openGate(kubectl: Kubectl, pods: readonly Pod[]): Promise<void> {
  for (const { metadata } of pods) await kubectl.run(["exec", metadata.name, "--", "touch", "/tmp/ready"]);
}

/** A pod of this terminates until it is let go: what happens in between takes the time that it takes. */
export function lingering(image: string, more: Part = {}): Part {
  return podSpec(container(image, `${SEED}; ${STUBBORN}`, more), { terminationGracePeriodSeconds: 180 });
}

export async function letGo(kubectl: Kubectl, pods: readonly Pod[]): Promise<void> {
  for (const { metadata } of pods) await kubectl.run(["exec", metadata.name, "--", "touch", "/tmp/end"]);
}

export function pod(name: string, spec: Part, labels: Readonly<Record<string, string>> = {}): NewObject {
  return { apiVersion: "v1", kind: "Pod", metadata: { name, labels }, spec };
}

function template(name: string, spec: Part, annotations: Readonly<Record<string, string>> = {}): Part {
  return { metadata: { labels: { app: name }, annotations }, spec };
}

export function deployment(name: string, replicas: number, spec: Part, more: Part = {}): NewObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name, spec), ...more },
  };
}

export function statefulSet(name: string, replicas: number, spec: Part, more: Part = {}): NewObject {
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

/** A Job of indexed pods, as part of a JobSet. */
export function replicatedJob(name: string, pods: number, spec: Part, more: Part = {}): Part {
  return {
    name,
    replicas: 1,
    template: {
      spec: {
        parallelism: pods,
        completions: pods,
        completionMode: "Indexed",
        backoffLimit: 0,
        template: { spec: { restartPolicy: "Never", ...spec } },
        ...more,
      },
    },
  };
}

/** A Job of indexed pods that is nobody's part. */
export function indexedJob(
  name: string,
  pods: number,
  spec: Part,
  labels: Readonly<Record<string, string>> = {},
  more: Part = {},
): NewObject {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, labels },
    spec: {
      parallelism: pods,
      completions: pods,
      completionMode: "Indexed",
      backoffLimit: 0,
      template: { metadata: { labels }, spec: { restartPolicy: "Never", ...spec } },
      ...more,
    },
  };
}

export function jobSet(name: string, replicatedJobs: readonly Part[], more: Part = {}): NewObject {
  return {
    apiVersion: "jobset.x-k8s.io/v1alpha2",
    kind: "JobSet",
    metadata: { name },
    spec: { replicatedJobs, ...more },
  };
}

/** Label that all pods of a JobSet carry. */
export function ofJobSet(name: string): string {
  return `jobset.sigs.k8s.io/jobset-name=${name}`;
}

/** Label of the pods of one of its jobs. */
export const ROLE_LABEL = "jobset.sigs.k8s.io/replicatedjob-name";

/** The JobSet's job that a pod is of. */
export function roleOf({ metadata }: KubeObject): string {
  return metadata.labels?.[ROLE_LABEL] ?? "";
}

/** Fails when somebody makes /tmp/fail. */
export function fuse(image: string): Part {
  return podSpec(container(image, `${SEED}; while [ ! -e /tmp/fail ]; do sleep 0.2; done; exit 1`));
}

/**
 * One head and some workers. The workers' Job is made when the head is ready, which takes longer than the one second that
 * creation times are told apart by.
 */
export function training(name: string, workers: number, spec: Part, more: Part = {}): NewObject {
  const [main] = spec["containers"] as readonly Part[];
  const warmUp = { ...main, name: "warm-up", command: ["sh", "-c", "sleep 1.5"] };
  return jobSet(
    name,
    [replicatedJob("head", 1, { ...spec, initContainers: [warmUp] }), replicatedJob("worker", workers, spec)],
    { startupPolicy: { startupPolicyOrder: "InOrder" }, ...more },
  );
}
