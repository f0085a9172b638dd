// The pod status that the kubelet reports: a pure function of its containers' states.

import type { ContainerSpec, PodSpec } from "./pod-spec.ts";

export type ContainerState =
  | { readonly kind: "waiting"; readonly reason: string; readonly message?: string }
  | { readonly kind: "running"; readonly startedAt: string }
  | {
      readonly kind: "terminated";
      readonly exitCode: number;
      readonly reason: string;
      readonly message?: string;
      readonly startedAt: string;
      readonly finishedAt: string;
      readonly containerId: string;
    };

/** `init`: ends before the next one starts; `sidecar`: an init container that keeps running. */
export type ContainerRole = "init" | "sidecar" | "main" | "ephemeral";

/** The state of one container of a pod. */
export interface ContainerFacts {
  readonly spec: ContainerSpec;
  readonly role: ContainerRole;
  readonly state: ContainerState;
  readonly lastState?: ContainerState | undefined;
  /** `playground://` and 64 hex digits; changes with every start. */
  readonly containerId?: string | undefined;
  readonly restartCount: number;
  readonly started: boolean;
  /** Result of the readiness probe; true without one. */
  readonly probedReady: boolean;
}

export interface PodFacts {
  readonly spec: PodSpec;
  readonly generation: number | undefined;
  readonly containers: readonly ContainerFacts[];
  readonly terminating: boolean;
  readonly podIp: string | undefined;
  readonly hostIp: string;
  readonly startTime: string;
  readonly sandboxReady: boolean;
  /** The last reported status: unchanged conditions keep its times. */
  readonly previous: Readonly<Record<string, unknown>> | undefined;
  /** API time, 1 s resolution. */
  readonly now: string;
}

interface Condition {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason?: string;
  readonly message?: string;
}

export function podStatus(pod: PodFacts): Record<string, unknown> {
  const phase = podPhase(pod);
  const inits = pod.containers.filter(({ role }) => role === "init" || role === "sidecar");
  const mains = pod.containers.filter(({ role }) => role === "main");
  const ephemeral = pod.containers.filter(({ role }) => role === "ephemeral");
  const ip = pod.podIp;
  return {
    observedGeneration: pod.generation,
    phase,
    conditions: conditions(pod, phase, inits, mains),
    hostIP: pod.hostIp,
    hostIPs: [{ ip: pod.hostIp }],
    ...(ip === undefined ? {} : { podIP: ip, podIPs: [{ ip }] }),
    startTime: pod.startTime,
    ...(inits.length === 0 ? {} : { initContainerStatuses: inits.map(containerStatus) }),
    containerStatuses: mains
      .map(containerStatus)
      .sort((a, b) => (a["name"] as string).localeCompare(b["name"] as string)),
    ...(ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: ephemeral.map(containerStatus) }),
    qosClass: "BestEffort",
  };
}

/** The phase, by the kubelet's rule: only main containers can end a pod. */
export function podPhase(pod: Pick<PodFacts, "spec" | "containers" | "terminating">): string {
  const policy = pod.spec.restartPolicy ?? "Always";
  const inits = pod.containers.filter(({ role }) => role === "init");
  const mains = pod.containers.filter(({ role }) => role === "main");
  const begun = mains.some(({ state, lastState }) => state.kind !== "waiting" || lastState !== undefined);
  // A pod ends with its last container; sidecars stop after the others.
  if (pod.containers.some(({ state }) => state.kind === "running")) return begun ? "Running" : "Pending";
  const failedInit = inits.some(({ state }) => state.kind === "terminated" && state.exitCode !== 0);
  if (failedInit && (policy === "Never" || pod.terminating)) return "Failed";
  const ended = mains.flatMap(({ state }) => (state.kind === "terminated" ? [state.exitCode] : []));
  if (mains.length > 0 && ended.length === mains.length) {
    const failed = ended.some((code) => code !== 0);
    if (pod.terminating || policy === "Never" || (policy === "OnFailure" && !failed))
      return failed ? "Failed" : "Succeeded";
  }
  return begun ? "Running" : "Pending";
}

/** Ready: running with a successful probe; an init container: succeeded. */
function isReady({ role, state, probedReady }: ContainerFacts): boolean {
  if (role === "init") return state.kind === "terminated" && state.exitCode === 0;
  return state.kind === "running" && probedReady && role !== "ephemeral";
}

function conditions(
  pod: PodFacts,
  phase: string,
  inits: readonly ContainerFacts[],
  mains: readonly ContainerFacts[],
): Record<string, unknown>[] {
  const initialized = inits.filter((container) => !isInitialized(container)).map(({ spec }) => spec.name);
  const unready = [...inits.filter(({ role }) => role === "sidecar"), ...mains]
    .filter((container) => !isReady(container))
    .map(({ spec }) => spec.name);
  const done = phase === "Succeeded" ? "PodCompleted" : phase === "Failed" ? "PodFailed" : undefined;
  const wanted: Condition[] = [
    { type: "PodReadyToStartContainers", status: pod.sandboxReady && done === undefined ? "True" : "False" },
    initialized.length === 0 || done === "PodCompleted"
      ? { type: "Initialized", status: "True", ...(done === "PodCompleted" ? { reason: done } : {}) }
      : incomplete(
          "Initialized",
          "ContainersNotInitialized",
          `containers with incomplete status: [${initialized.join(" ")}]`,
        ),
    readiness("Ready", done, unready),
    readiness("ContainersReady", done, unready),
    { type: "PodScheduled", status: "True" },
  ];
  const previous = (pod.previous?.["conditions"] ?? []) as {
    type: string;
    status: string;
    lastTransitionTime?: string;
  }[];
  return wanted.map((condition) => {
    const before = previous.find(({ type }) => type === condition.type);
    const kept = before?.status === condition.status ? before.lastTransitionTime : undefined;
    return {
      ...condition,
      observedGeneration: pod.generation,
      lastProbeTime: null,
      lastTransitionTime: kept ?? pod.now,
    };
  });
}

function readiness(type: string, done: string | undefined, unready: readonly string[]): Condition {
  if (done !== undefined) return { type, status: "False", reason: done };
  if (unready.length === 0) return { type, status: "True" };
  return incomplete(type, "ContainersNotReady", `containers with unready status: [${unready.join(" ")}]`);
}

function incomplete(type: string, reason: string, message: string): Condition {
  return { type, status: "False", reason, message };
}

function isInitialized(container: ContainerFacts): boolean {
  return container.role === "sidecar" ? container.started : isReady(container);
}

function containerStatus(container: ContainerFacts): Record<string, unknown> {
  const { spec, containerId } = container;
  return {
    name: spec.name,
    state: stateObject(container.state),
    lastState: container.lastState === undefined ? {} : stateObject(container.lastState),
    ready: isReady(container),
    restartCount: container.restartCount,
    image: spec.image ?? "",
    imageID: containerId === undefined ? "" : `playground-image://${spec.image ?? ""}`,
    ...(containerId === undefined ? {} : { containerID: containerId }),
    started: container.started && container.state.kind === "running",
    ...(containerId === undefined || container.role === "ephemeral" ? {} : { resources: {} }),
  };
}

function stateObject(state: ContainerState): Record<string, unknown> {
  if (state.kind === "terminated") {
    const { kind: _kind, containerId, ...rest } = state;
    return { terminated: { ...rest, containerID: containerId } };
  }
  const { kind, ...rest } = state;
  return { [kind]: rest };
}
