import { isPodActive } from "../../contract/kind.ts";
import type { Container, ContainerStatus, Pod } from "../../contract/resource.ts";
import type { Member, MemberContainer } from "../resolution.ts";

const DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container";

/** Containers that meshes and agents add to pods, by the names that their injectors use. */
const SIDECARS: ReadonlySet<string> = new Set([
  "aws-xray-daemon",
  "cloud-sql-proxy",
  "cloudsql-proxy",
  "config-reloader",
  "consul-connect-envoy-sidecar",
  "consul-dataplane",
  "daprd",
  "datadog-agent",
  "envoy-sidecar",
  "filebeat",
  "fluent-bit",
  "fluentd",
  "gke-gcsfuse-sidecar",
  "istio-proxy",
  "jaeger-agent",
  "kube-rbac-proxy",
  "kuma-sidecar",
  "linkerd-proxy",
  "oauth-proxy",
  "oauth2-proxy",
  "otc-container",
  "promtail",
  "queue-proxy",
  "vault-agent",
  "xray-daemon",
]);

/**
 * The containers of a pod that could hold files: its main ones, native sidecars (init containers that always restart), init
 * containers while they run, ephemeral ones. In the order of the spec.
 */
export function containersOf(pod: Pod): MemberContainer[] {
  const { spec, status } = pod;
  const found: MemberContainer[] = [];
  for (const container of spec.containers) {
    found.push(memberContainer(pod, container, "container", status?.containerStatuses));
  }
  for (const container of spec.initContainers ?? []) {
    const isSidecar = container.restartPolicy === "Always";
    const entry = memberContainer(pod, container, isSidecar ? "sidecar" : "init", status?.initContainerStatuses);
    if (isSidecar || entry.runningId !== undefined) found.push(entry);
  }
  for (const container of spec.ephemeralContainers ?? []) {
    found.push(memberContainer(pod, container, "ephemeral", status?.ephemeralContainerStatuses));
  }
  // A copy without room for more: a list that grew by one has room for seventeen, in each of thousands of members.
  return found.slice();
}

function memberContainer(
  pod: Pod,
  spec: Container,
  type: MemberContainer["type"],
  statuses: readonly ContainerStatus[] | undefined,
): MemberContainer {
  const status = statuses?.find((candidate) => candidate.name === spec.name);
  const isRunning = status?.state?.running !== undefined && (status.containerID ?? "") !== "" && !hasEnded(pod);
  return {
    name: spec.name,
    type,
    image: spec.image ?? status?.image ?? "",
    spec,
    status,
    runningId: isRunning ? status.containerID : undefined,
    waiting: isRunning ? undefined : whyNotRunning(pod, status),
  };
}

function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** One sentence without a full stop. */
function whyNotRunning(pod: Pod, status: ContainerStatus | undefined): string {
  const terminated = status?.state?.terminated;
  if (terminated !== undefined) {
    const code = terminated.exitCode === undefined ? "" : ` with exit code ${terminated.exitCode}`;
    return `terminated${code}${detail(terminated.reason, terminated.message)}`;
  }
  if (hasEnded(pod)) {
    return `the pod has ended: ${pod.status?.phase ?? ""}${detail(pod.status?.reason, pod.status?.message)}`;
  }
  const unscheduled = pod.status?.conditions?.find(
    (condition) => condition.type === "PodScheduled" && condition.status === "False",
  );
  if (unscheduled !== undefined) {
    return `waiting: the pod is not scheduled${detail(unscheduled.reason, unscheduled.message)}`;
  }
  const waiting = status?.state?.waiting;
  if (waiting !== undefined) {
    const message = waiting.message === undefined || waiting.message === "" ? "" : ` (${waiting.message})`;
    return `waiting: ${waiting.reason ?? "not started"}${message}`;
  }
  if (!isPodActive(pod)) return "the pod is being deleted";
  if (status?.state?.running !== undefined) return "waiting: it runs, but the API does not name its ID yet";
  return "waiting: not started";
}

function detail(reason: string | undefined, message: string | undefined): string {
  const parts = [reason, message].filter((part) => part !== undefined && part !== "");
  return parts.length === 0 ? "" : ` (${parts.join(": ")})`;
}

/** Answers of the kinds that judge a pod about its containers. */
export interface ContainerDefaults {
  /** The container that they choose, if it exists. */
  readonly name: string | undefined;
  /** Containers that they never choose. */
  readonly infrastructure: ReadonlySet<string>;
}

/**
 * The container of a pod that takes files where no mapping names one: the one of the annotation `kubectl.kubernetes.io/default-container`;
 * else the kinds' choice; else the first that is neither infrastructure nor a known mesh or agent sidecar.
 */
export function chooseDefaultContainer(
  pod: Pod,
  containers: readonly MemberContainer[],
  { name, infrastructure }: ContainerDefaults,
): string | undefined {
  const annotated = pod.metadata.annotations?.[DEFAULT_CONTAINER];
  for (const wanted of [annotated, name]) {
    if (wanted !== undefined && containers.some((container) => container.name === wanted)) return wanted;
  }
  const main = containers.filter((container) => container.type === "container");
  // A pod that has only sidecars is a proxy workload: its first container takes the files.
  const first = main.find((container) => !SIDECARS.has(container.name) && !infrastructure.has(container.name));
  return (first ?? main[0])?.name;
}

export interface ContainerChoice {
  readonly name?: string;
  /** A part of the image's name. */
  readonly image?: string;
}

/** The container of a member that takes the files: the one chosen by name or image, else its default container. It may not run now. */
export function selectContainer(
  member: Pick<Member, "name" | "pod" | "containers" | "defaultContainer">,
  choice: ContainerChoice = {},
): MemberContainer | { readonly missing: string } {
  const { containers, defaultContainer } = member;
  if (choice.name !== undefined || choice.image !== undefined) {
    const found = containers.find(
      (container) =>
        (choice.name === undefined || container.name === choice.name) &&
        (choice.image === undefined || container.image.includes(choice.image)),
    );
    return found ?? { missing: whyMissing(member, choice) };
  }
  const found = containers.find(({ name }) => name === defaultContainer);
  return found ?? { missing: `pod ${member.name} has no container` };
}

function whyMissing(member: Pick<Member, "name" | "pod" | "containers">, choice: ContainerChoice): string {
  const { name, image } = choice;
  const spec = member.pod.spec.initContainers?.find((container) => container.name === name);
  if (spec !== undefined && image === undefined) {
    return `init container ${spec.name} of pod ${member.name} does not run now`;
  }
  const asked = [
    ...(name === undefined ? [] : [`named ${name}`]),
    ...(image === undefined ? [] : [`with image ${image}`]),
  ].join(" ");
  const there = member.containers.map((container) =>
    image === undefined ? container.name : `${container.name} (${container.image})`,
  );
  return `pod ${member.name} has no container ${asked}; it has ${there.join(", ")}`;
}
