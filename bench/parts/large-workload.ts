// A workload of many pods without a cluster: its objects, its kind, and a connection that lists and watches them.
import type { ClusterConnection, ClusterResponse } from "../../packages/core/src/contract/cluster.ts";
import { defineKind, verdictOfInactivePod } from "../../packages/core/src/contract/kind.ts";
import type { KubeObject, ResourceType } from "../../packages/core/src/contract/resource.ts";
import { KinsyncError } from "../../packages/core/src/errors/error.ts";

const PODS_PER_JOB = 100;
export const JOBS: ResourceType = { group: "batch", version: "v1", kind: "Job", plural: "jobs" };
export const SETS: ResourceType = { group: "example.com", version: "v1", kind: "Set", plural: "sets" };

/** A kind without rules about revisions: what remains is the cost of kinsync itself. */
export const SET_KIND = defineKind({
  name: "set",
  root: SETS,
  watches: () => ({ watches: [{ resource: JOBS }] }),
  judge: () => ({
    pod: ({ pod }) => ({
      ...(verdictOfInactivePod(pod) ?? {
        state: "current" as const,
        reason: { code: "owned", message: "its Job is of the current attempt" },
      }),
      role: pod.metadata.labels?.["role"] ?? "",
      index: pod.metadata.labels?.["index"] ?? "",
    }),
  }),
});

/** A root with Jobs and pods, as the API server sends them. */
export class LargeWorkload {
  readonly root = {
    apiVersion: "example.com/v1",
    kind: "Set",
    metadata: { name: "train", namespace: "ml", uid: "root" },
  };
  readonly jobs: readonly KubeObject[];
  readonly pods: readonly unknown[];

  constructor(count: number) {
    this.jobs = Array.from({ length: Math.ceil(count / PODS_PER_JOB) }, (_, at) => ({
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: `job-${at}`, namespace: "ml", uid: `job-${at}`, resourceVersion: "1", ...ownedBy(this.root) },
    }));
    this.pods = Array.from({ length: count }, (_, at) => this.pod(at, "1"));
  }

  /** Similar in size to a small real pod: 4 KB as JSON. */
  pod(at: number, version: string, containerID = `containerd://${at}`): unknown {
    const env = Array.from({ length: 30 }, (_, n) => ({ name: `VARIABLE_${n}`, value: `value-${n}-of-some-length` }));
    const container = {
      name: "main",
      image: "registry.example.com/team/train:1.2.3",
      env,
      resources: { limits: { cpu: "4", memory: "16Gi" }, requests: { cpu: "4", memory: "16Gi" } },
      volumeMounts: [{ name: "token", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true }],
      livenessProbe: { httpGet: { path: "/", port: 80 }, periodSeconds: 10 },
    };
    return {
      metadata: {
        name: `train-worker-${at}`,
        namespace: "ml",
        uid: `pod-${at}`,
        resourceVersion: version,
        labels: { role: "worker", index: String(at), app: "train", version },
        annotations: { "example.com/checksum": "0123456789abcdef" },
        ...ownedBy(this.jobs[Math.floor(at / PODS_PER_JOB)] as KubeObject),
        managedFields: Array.from({ length: 4 }, (_, n) => ({
          manager: `manager-${n}`,
          fieldsV1: Object.fromEntries(Array.from({ length: 20 }, (_x, key) => [`f:field-${key}`, {}])),
        })),
      },
      spec: {
        nodeName: `node-${at % 100}`,
        containers: [container],
        tolerations: [{ key: "gpu" }],
        volumes: [{ name: "token" }],
      },
      status: {
        phase: "Running",
        conditions: ["Ready", "PodScheduled"].map((type) => ({ type, status: "True", lastTransitionTime: "x" })),
        containerStatuses: [
          {
            name: "main",
            containerID,
            ready: true,
            restartCount: 0,
            state: { running: { startedAt: "x" } },
          },
        ],
      },
    };
  }
}

/** The watches of a connection: what is pushed arrives as an event. */
export interface Feeds {
  readonly pods: Feed;
  readonly jobs: Feed;
  readonly sets: Feed;
}

/** A connection that lists the objects of a workload and watches the feeds. */
export function connectTo(workload: LargeWorkload): { readonly cluster: ClusterConnection; readonly feeds: Feeds } {
  const feeds: Feeds = { pods: new Feed(), jobs: new Feed(), sets: new Feed() };
  const { pods, jobs, root } = workload;
  const lists: Record<keyof Feeds, readonly unknown[]> = { pods, jobs, sets: [{ ...root, spec: {} }] };
  const cluster: ClusterConnection = {
    context: "bench",
    server: "https://bench",
    namespace: "ml",
    request: (request) => {
      const plural = request.path.split("/").at(-1) as keyof Feeds;
      const all = lists[plural];
      const from = Number(request.query?.["continue"] ?? 0);
      const to = from + Number(request.query?.["limit"] ?? all.length);
      const metadata = { resourceVersion: "1", continue: to < all.length ? String(to) : "" };
      const response: ClusterResponse = {
        status: 200,
        headers: {},
        json: () => Promise.resolve(JSON.parse(JSON.stringify({ items: all.slice(from, to), metadata })) as unknown),
        body: () => feeds[plural].read(request.signal),
      };
      return Promise.resolve(response);
    },
    canI: () => Promise.resolve(undefined),
    webSocket: () => Promise.reject(new KinsyncError("KINSYNC_INTERNAL", "this connection has no WebSockets")),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { cluster, feeds };
}

/** An event of a watch as the API server sends it. */
export function eventBytes(event: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(event)}\n`);
}

class Feed {
  #wake: (() => void) | undefined;
  readonly #lines: Uint8Array[] = [];

  /** The bytes of an event have arrived; see `eventBytes`. */
  push(bytes: Uint8Array): void {
    this.#lines.push(bytes);
    this.#wake?.();
  }

  async *read(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    while (!signal.aborted) {
      const line = this.#lines.shift();
      if (line !== undefined) yield line;
      else await Promise.race([aborted, new Promise<void>((resolve) => (this.#wake = resolve))]);
    }
  }
}

function ownedBy(owner: {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly uid: string };
}) {
  const { name, uid } = owner.metadata;
  return { ownerReferences: [{ apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true }] };
}
