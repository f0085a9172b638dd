import type { KubeObject, ObjectMeta, ResourceType } from "../../contract/resource.ts";
import { apiVersionOf, isPods } from "../../kube/resource-path.ts";

/** Fields without information about ownership, at any depth: user values, addresses, secrets, and times that change without an event. */
const DROPPED: ReadonlySet<string> = new Set([
  "args",
  "binaryData",
  "command",
  "data",
  "env",
  "envFrom",
  "lastHeartbeatTime",
  "lastProbeTime",
  "lastTransitionTime",
  "lastUpdateTime",
  "managedFields",
  "message",
  "observedTime",
  "stringData",
  "volumes",
]);
const SECRET = /token|secret|password|credential/i;
const ADDRESS = /^ips?$|IPs?$/;
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

type Json = Readonly<Record<string, unknown>>;

/**
 * Reduces objects to the fields that a kind may read and a reader needs. Of pods: metadata, container names, phase, conditions
 * and container states. Of other objects: everything but pod specs, texts for people, and fields that look like a secret or an
 * address.
 */
export class HistoryTrimmer {
  readonly #nodes = new Map<string, string>();

  trim(raw: Json, resource: ResourceType): KubeObject {
    const { metadata, spec, status, apiVersion: _a, kind: _k, ...rest } = raw;
    const type = {
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      metadata: trimMeta(metadata as ObjectMeta),
    };
    if (isPods(resource)) {
      return { ...type, spec: this.#podSpec(spec as Json), status: podStatus((status ?? {}) as Json) };
    }
    return {
      ...type,
      ...(reduced(rest) as object),
      ...(spec === undefined ? {} : { spec: reduced(spec) as Json }),
      ...(status === undefined ? {} : { status: reduced(status) as Json }),
    };
  }

  #podSpec(spec: Json): Json {
    const { nodeName } = spec;
    if (typeof nodeName !== "string") return namesOfContainers(spec);
    // Nodes are often named by their addresses.
    const name = this.#nodes.get(nodeName) ?? `node-${this.#nodes.size + 1}`;
    this.#nodes.set(nodeName, name);
    return { nodeName: name, ...namesOfContainers(spec) };
  }
}

function trimMeta(meta: ObjectMeta): ObjectMeta {
  const { name, namespace, uid, generation, creationTimestamp, deletionTimestamp, labels, annotations } = meta;
  const { [LAST_APPLIED]: _, ...notes } = annotations ?? {};
  return {
    name,
    // Test suites generate a namespace name for each run.
    ...(namespace === undefined ? {} : { namespace: "lab" }),
    uid,
    ...(generation === undefined ? {} : { generation }),
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(labels === undefined ? {} : { labels }),
    ...(Object.keys(notes).length === 0 ? {} : { annotations: notes }),
    ...(meta.ownerReferences === undefined
      ? {}
      : {
          ownerReferences: meta.ownerReferences.map(({ apiVersion, kind, name, uid, controller }) => ({
            apiVersion,
            kind,
            name,
            uid,
            ...(controller === undefined ? {} : { controller }),
          })),
        }),
  };
}

function reduced(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reduced);
  if (typeof value !== "object" || value === null) return value;
  if ("containers" in value && Array.isArray(value.containers)) return namesOfContainers(value);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => inner !== null && !DROPPED.has(key) && !SECRET.test(key) && !ADDRESS.test(key))
      .map(([key, inner]) => [key, reduced(inner)]),
  );
}

function namesOfContainers(spec: Json): Json {
  const named = (key: string): object => {
    const containers = spec[key];
    if (!Array.isArray(containers)) return {};
    return { [key]: containers.map((container) => pick(container as Json, ["name", "restartPolicy"])) };
  };
  return { ...named("containers"), ...named("initContainers"), ...named("ephemeralContainers") };
}

function podStatus(status: Json): Json {
  const list = (key: string, trim: (item: Json) => Json): object => {
    const items = status[key];
    return Array.isArray(items) ? { [key]: items.map((item) => trim(item as Json)) } : {};
  };
  return {
    ...pick(status, ["phase", "reason"]),
    ...list("conditions", (condition) => pick(condition, ["type", "status", "reason"])),
    ...list("initContainerStatuses", containerStatus),
    ...list("containerStatuses", containerStatus),
    ...list("ephemeralContainerStatuses", containerStatus),
  };
}

function containerStatus(status: Json): Json {
  const [state] = Object.entries((status["state"] ?? {}) as Readonly<Record<string, Json>>);
  return {
    ...pick(status, ["name", "ready", "restartCount"]),
    ...(state === undefined ? {} : { state: { [state[0]]: pick(state[1], ["exitCode", "reason"]) } }),
  };
}

function pick(from: Json, keys: readonly string[]): Json {
  return Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]));
}
