import type { ResourceName, StoredObject } from "../world.ts";

/** One column of a table, and the function for its cells. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  /** 0: always shown; higher: only with `-o wide`. */
  readonly priority: number;
  readonly cell: (object: StoredObject) => string | number | boolean | undefined;
}

/** `95s`, `12m`, `3h4m`, `5d`: the time since then, as kubectl prints it. `<unknown>` without a valid time. */
export function ageOf(timestamp: string, now = Date.now()): string {
  const since = Date.parse(timestamp);
  if (Number.isNaN(since)) {
    return "<unknown>";
  }
  const seconds = Math.max(0, Math.floor((now - since) / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const two = (high: number, highUnit: string, low: number, lowUnit: string): string =>
    low === 0 ? `${high}${highUnit}` : `${high}${highUnit}${low}${lowUnit}`;
  if (seconds < 120) {
    return `${seconds}s`;
  }
  if (minutes < 10) {
    return two(minutes, "m", seconds % 60, "s");
  }
  if (minutes < 180) {
    return `${minutes}m`;
  }
  if (hours < 8) {
    return two(hours, "h", minutes % 60, "m");
  }
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}

interface ContainerState {
  readonly waiting?: { readonly reason?: string };
  readonly running?: object;
  readonly terminated?: { readonly reason?: string; readonly exitCode?: number; readonly signal?: number };
}

interface ContainerStatus {
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: ContainerState;
}

function statusesOf(pod: StoredObject, field: string): readonly ContainerStatus[] {
  return (pod.status?.[field] ?? []) as readonly ContainerStatus[];
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

function endReason({ reason, signal, exitCode }: NonNullable<ContainerState["terminated"]>): string {
  if (reason !== undefined && reason !== "") {
    return reason;
  }
  return signal === undefined || signal === 0 ? `ExitCode:${exitCode ?? 0}` : `Signal:${signal}`;
}

/** The STATUS of `kubectl get pods`: the phase, or the reason why a container does not run. */
function podStatus(pod: StoredObject): string {
  const phase = (pod.status?.["reason"] ?? pod.status?.["phase"] ?? "Unknown") as string;
  if (pod.metadata.deletionTimestamp !== undefined) {
    return "Terminating";
  }
  const inits = statusesOf(pod, "initContainerStatuses");
  for (const [index, { state }] of inits.entries()) {
    if (state?.terminated?.exitCode === 0 || state?.running !== undefined) {
      continue;
    }
    if (state?.terminated !== undefined) {
      return `Init:${endReason(state.terminated)}`;
    }
    const reason = state?.waiting?.reason;
    return reason !== undefined && reason !== "PodInitializing"
      ? `Init:${reason}`
      : `Init:${index}/${lengthOf(pod.spec?.["initContainers"])}`;
  }
  let shown = phase;
  let running = false;
  for (const { ready, state } of statusesOf(pod, "containerStatuses").toReversed()) {
    if (state?.waiting?.reason !== undefined) {
      shown = state.waiting.reason;
    } else if (state?.terminated !== undefined) {
      shown = endReason(state.terminated);
    } else if (ready === true && state?.running !== undefined) {
      running = true;
    }
  }
  return shown === "Completed" && running ? "Running" : shown;
}

function field(path: string): (object: StoredObject) => string | number | boolean | undefined {
  const parts = path.split(".");
  return (object) => {
    let value: unknown = object;
    for (const part of parts) {
      value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[part] : undefined;
    }
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : undefined;
  };
}

function count(path: string): (object: StoredObject) => number {
  const read = field(path);
  return (object) => Number(read(object) ?? 0);
}

interface PodTemplate {
  readonly spec?: { readonly containers?: readonly { readonly name: string; readonly image?: string }[] };
}

function ofContainers(what: "name" | "image"): (object: StoredObject) => string {
  return (object) =>
    ((object.spec?.["template"] as PodTemplate | undefined)?.spec?.containers ?? [])
      .map((container) => container[what] ?? "")
      .join(",");
}

function selectorText(object: StoredObject): string {
  const selector = object.spec?.["selector"] as { matchLabels?: Record<string, string> } | undefined;
  return Object.entries(selector?.matchLabels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

function column(
  name: string,
  cell: Column["cell"],
  { type = "string", priority = 0, format = "" }: { type?: string; priority?: number; format?: string } = {},
): Column {
  return { name, type, format, description: "", priority, cell };
}

const NAME = column("Name", (object) => object.metadata.name, { format: "name" });
const AGE = column("Age", (object) => ageOf(object.metadata.creationTimestamp));
const WIDE = { priority: 1 };
const NUMBER = { type: "integer" };

const TEMPLATE_COLUMNS = [
  column("Containers", ofContainers("name"), WIDE),
  column("Images", ofContainers("image"), WIDE),
];

function jobStatus(job: StoredObject): string {
  const conditions = (job.status?.["conditions"] ?? []) as { type: string; status: string }[];
  const holds = (type: string): boolean =>
    conditions.some((condition) => condition.type === type && condition.status === "True");
  if (job.metadata.deletionTimestamp !== undefined) {
    return "Terminating";
  }
  for (const [type, shown] of [
    ["Complete", "Complete"],
    ["Failed", "Failed"],
    ["Suspended", "Suspended"],
    ["FailureTarget", "FailureTarget"],
    ["SuccessCriteriaMet", "SuccessCriteriaMet"],
  ] as const) {
    if (holds(type)) {
      return shown;
    }
  }
  return "Running";
}

function jobDuration(job: StoredObject): string | undefined {
  const started = job.status?.["startTime"];
  const ended = job.status?.["completionTime"];
  return typeof started === "string"
    ? ageOf(started, typeof ended === "string" ? Date.parse(ended) : Date.now())
    : undefined;
}

const BY_KIND: Readonly<Record<ResourceName, readonly Column[]>> = {
  pods: [
    NAME,
    column("Ready", (pod) => {
      const statuses = statusesOf(pod, "containerStatuses");
      return `${statuses.filter(({ ready }) => ready === true).length}/${lengthOf(pod.spec?.["containers"])}`;
    }),
    column("Status", podStatus),
    column("Restarts", (pod) =>
      String(statusesOf(pod, "containerStatuses").reduce((sum, { restartCount = 0 }) => sum + restartCount, 0)),
    ),
    AGE,
    column("IP", (pod) => field("status.podIP")(pod) ?? "<none>", WIDE),
    column("Node", (pod) => field("spec.nodeName")(pod) ?? "<none>", WIDE),
    column("Nominated Node", () => "<none>", WIDE),
    column("Readiness Gates", () => "<none>", WIDE),
  ],
  namespaces: [NAME, column("Status", field("status.phase")), AGE],
  nodes: [
    NAME,
    column("Status", (node) => {
      const conditions = (node.status?.["conditions"] ?? []) as { type: string; status: string }[];
      return conditions.some(({ type, status }) => type === "Ready" && status === "True") ? "Ready" : "NotReady";
    }),
    column("Roles", () => "<none>"),
    AGE,
    column("Version", (node) => field("status.nodeInfo.kubeletVersion")(node) ?? ""),
  ],
  services: [
    NAME,
    column("Type", field("spec.type")),
    column("Cluster-IP", (service) => field("spec.clusterIP")(service) ?? "<none>"),
    column("External-IP", () => "<none>"),
    column("Port(s)", (service) => {
      const ports = (service.spec?.["ports"] ?? []) as { port: number; protocol?: string }[];
      return ports.map(({ port, protocol = "TCP" }) => `${port}/${protocol}`).join(",") || "<none>";
    }),
    AGE,
  ],
  configmaps: [NAME, column("Data", (map) => Object.keys(map["data"] ?? {}).length, NUMBER), AGE],
  secrets: [
    NAME,
    column("Type", (secret) => (secret["type"] ?? "Opaque") as string),
    column("Data", (secret) => Object.keys(secret["data"] ?? {}).length, NUMBER),
    AGE,
  ],
  events: [
    column("Last Seen", (event) =>
      ageOf((event["lastTimestamp"] ?? event["eventTime"] ?? event.metadata.creationTimestamp) as string),
    ),
    column("Type", field("type")),
    column("Reason", field("reason")),
    column("Object", (event) => {
      const { kind = "", name = "" } = (event["involvedObject"] ?? {}) as { kind?: string; name?: string };
      return `${kind.toLowerCase()}/${name}`;
    }),
    column("Message", field("message")),
  ],
  "deployments.apps": [
    NAME,
    column("Ready", (object) => `${count("status.readyReplicas")(object)}/${count("spec.replicas")(object)}`),
    column("Up-to-date", count("status.updatedReplicas"), NUMBER),
    column("Available", count("status.availableReplicas"), NUMBER),
    AGE,
    ...TEMPLATE_COLUMNS,
    column("Selector", selectorText, WIDE),
  ],
  "replicasets.apps": [
    NAME,
    column("Desired", count("spec.replicas"), NUMBER),
    column("Current", count("status.replicas"), NUMBER),
    column("Ready", count("status.readyReplicas"), NUMBER),
    AGE,
    ...TEMPLATE_COLUMNS,
    column("Selector", selectorText, WIDE),
  ],
  "statefulsets.apps": [
    NAME,
    column("Ready", (object) => `${count("status.readyReplicas")(object)}/${count("spec.replicas")(object)}`),
    AGE,
    ...TEMPLATE_COLUMNS,
  ],
  "controllerrevisions.apps": [
    NAME,
    column("Controller", (object) => {
      const owner = (object.metadata.ownerReferences ?? []).find(({ controller }) => controller === true);
      return owner === undefined ? "<none>" : `${owner.kind.toLowerCase()}.apps/${owner.name}`;
    }),
    column("Revision", (object) => Number(object["revision"] ?? 0), NUMBER),
    AGE,
  ],
  "jobs.batch": [
    NAME,
    column("Status", jobStatus),
    column("Completions", (job) => {
      const completions = field("spec.completions")(job) ?? `1 of ${count("spec.parallelism")(job)}`;
      return `${count("status.succeeded")(job)}/${completions}`;
    }),
    column("Duration", jobDuration),
    AGE,
    ...TEMPLATE_COLUMNS,
    column("Selector", selectorText, WIDE),
  ],
  "customresourcedefinitions.apiextensions.k8s.io": [
    NAME,
    column("Created At", (object) => object.metadata.creationTimestamp),
  ],
};

/** The columns of a built-in kind; `undefined` if it has only name and age. */
export function cellsOfKind(resource: ResourceName): readonly Column[] | undefined {
  return BY_KIND[resource];
}
