// What one event costs where a workload owns 10,000 pods: store, walk, judgement and sorted members, from the event's arrival
// to the new resolution. It needs no cluster.
import { KinsyncError } from "../../packages/core/src/errors/error.ts";
import type { ClusterConnection, ClusterResponse } from "../../packages/core/src/contract/cluster.ts";
import { defineKind, verdictOfInactivePod } from "../../packages/core/src/contract/kind.ts";
import type { KubeObject, ResourceType } from "../../packages/core/src/contract/resource.ts";
import { walkDown } from "../../packages/core/src/resolve/members/ownership.ts";
import { ReflectorPool } from "../../packages/core/src/kube/reflector-pool.ts";
import type { Resolution } from "../../packages/core/src/resolve/resolution.ts";
import { PODS } from "../../packages/core/src/kube/resource-path.ts";
import { ObjectStore } from "../../packages/core/src/kube/store.ts";
import { deepFreeze, trimPod } from "../../packages/core/src/kube/trim.ts";
import { watchWorkload } from "../../packages/core/src/resolve/members/workload-watch.ts";
import { formatNumber, median, print, quantile, ratio, table, verdict } from "../report/format.ts";

const PER_JOB = 100;
const JOBS: ResourceType = { group: "batch", version: "v1", kind: "Job", plural: "jobs" };
const SETS: ResourceType = { group: "example.com", version: "v1", kind: "Set", plural: "sets" };

/** @param count pods of the workload */
export async function benchResolve(count: number): Promise<void> {
  const root = { apiVersion: "example.com/v1", kind: "Set", metadata: { name: "train", namespace: "ml", uid: "root" } };
  const jobs = Array.from({ length: Math.ceil(count / PER_JOB) }, (_, at) => ({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: `job-${at}`, namespace: "ml", uid: `job-${at}`, resourceVersion: "1", ...owned(root) },
  }));
  const pods = Array.from({ length: count }, (_, at) => rawPod(at, "1"));

  /** About what a real pod weighs: 6 KB as JSON. */
  function rawPod(at: number, version: string): unknown {
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
        ...owned(jobs[Math.floor(at / PER_JOB)] as KubeObject),
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
            containerID: `containerd://${at}`,
            ready: true,
            restartCount: 0,
            state: { running: { startedAt: "x" } },
          },
        ],
      },
    };
  }

  const feeds = { pods: new Feed(), jobs: new Feed(), sets: new Feed() };
  const lists: Record<keyof typeof feeds, readonly unknown[]> = { pods, jobs, sets: [{ ...root, spec: {} }] };

  const cluster: ClusterConnection = {
    context: "bench",
    server: "https://bench",
    namespace: "ml",
    request: (request) => {
      const plural = request.path.split("/").at(-1) as keyof typeof feeds;
      const from = Number(request.query?.["continue"] ?? 0);
      const to = from + Number(request.query?.["limit"] ?? count);
      const all = lists[plural];
      const answer: ClusterResponse = {
        status: 200,
        headers: {},
        json: () =>
          Promise.resolve(
            JSON.parse(
              JSON.stringify({
                items: all.slice(from, to),
                metadata: { resourceVersion: "1", continue: to < all.length ? String(to) : "" },
              }),
            ) as unknown,
          ),
        body: () => feeds[plural].read(request.signal),
      };
      return Promise.resolve(answer);
    },
    canI: () => Promise.resolve(undefined),
    webSocket: () => Promise.reject(new KinsyncError("KINSYNC_INTERNAL", "not here")),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };

  const kind = defineKind({
    name: "set",
    root: SETS,
    watches: () => ({ watches: [{ resource: JOBS }] }),
    judge: () => ({
      pod: ({ pod }) => ({
        ...(verdictOfInactivePod(pod) ?? {
          state: "current" as const,
          reason: { code: "owned", message: "its Job is of the present attempt" },
        }),
        role: pod.metadata.labels?.["role"] ?? "",
        index: pod.metadata.labels?.["index"] ?? "",
      }),
    }),
  });

  let onNext: ((resolution: Resolution) => void) | undefined;
  const reflectors = new ReflectorPool({ cluster });
  const memoryBefore = process.memoryUsage().heapUsed;
  const started = performance.now();
  const watch = watchWorkload({
    cluster,
    reflectors,
    ref: { resource: SETS, namespace: "ml", name: "train" },
    kind,
    signal: new AbortController().signal,
    onResolution: (resolution) => onNext?.(resolution),
  });
  const first = await watch.ready;
  const toReady = performance.now() - started;
  if (first.members.length !== count) throw new Error(`${first.members.length} members instead of ${count}`);

  let last = 100;

  async function timed(send: () => void): Promise<number> {
    // A storm of events is slowed down on purpose; here each comes alone.
    await new Promise((resolve) => setTimeout(resolve, 2 * Math.max(1, last)));
    const done = new Promise<void>((resolve) => (onNext = () => resolve()));
    const from = performance.now();
    send();
    await done;
    last = performance.now() - from;
    return last;
  }

  const podTimes: number[] = [];
  const jobTimes: number[] = [];
  for (let turn = 0; turn < 300; turn += 1) {
    const at = (turn * 7919) % count;
    podTimes.push(await timed(() => feeds.pods.push({ type: "MODIFIED", object: rawPod(at, `2${turn}`) })));
  }
  for (let turn = 0; turn < 20; turn += 1) {
    const job = jobs[turn % jobs.length] as KubeObject;
    const metadata = { ...job.metadata, resourceVersion: `2${turn}`, labels: { turn: String(turn) } };
    jobTimes.push(await timed(() => feeds.jobs.push({ type: "MODIFIED", object: { ...job, metadata } })));
  }

  // The parts, each over all pods.
  const texts = pods.map((pod) => JSON.stringify(pod));
  const timeOf = (run: () => void): number => {
    const from = performance.now();
    run();
    return performance.now() - from;
  };
  const parsed: unknown[] = [];
  const parse = timeOf(() => parsed.push(...texts.map((text) => JSON.parse(text) as unknown)));
  const trimmed: ReturnType<typeof trimPod>[] = [];
  const trim = timeOf(() => trimmed.push(...parsed.map(trimPod)));
  const freeze = timeOf(() => trimmed.forEach(deepFreeze));
  const stores = { pods: new ObjectStore(trimPod), jobs: new ObjectStore((raw) => raw as KubeObject) };
  stores.pods.replace(pods);
  stores.jobs.replace(jobs);
  const walk = timeOf(() => {
    walkDown(root, [
      { resource: PODS, owner: "controller", store: stores.pods },
      { resource: JOBS, owner: "controller", store: stores.jobs },
    ]);
  });

  const event = median(podTimes);
  const row = (what: string, time: number): readonly string[] => [what, formatNumber(time), ratio(time, parse)];
  const size = ((texts[0] ?? "").length / 1024).toFixed(1);
  print(`\nResolve: ${count} pods of ${jobs.length} Jobs, ${size} KB each as JSON, ms\n`);
  print(
    table(
      ["", "ms", "of the floor"],
      [
        row("JSON.parse of all pods (floor)", parse),
        row("from nothing to the first resolution", toReady),
        row("  trimming all pods", trim),
        row("  freezing what is kept", freeze),
        row("  the walk", walk),
        row("one Job's event (walk, and all judged anew), median of 20", median(jobTimes)),
        row("one pod's event until the resolution, median of 300", event),
        row("  the same, worst but one in a hundred", quantile(podTimes, 0.99)),
      ],
    ),
  );
  print(`\na pod's event : judging all anew = 1 : ${formatNumber(median(jobTimes) / event)}`);
  const memory = (process.memoryUsage().heapUsed - memoryBefore) / 1024 / 1024;
  print(`heap of all of this: ${formatNumber(memory)} MiB\n`);
  print(verdict(`one pod's event at ${count} pods`, event, 1));
  await watch[Symbol.asyncDispose]();
  await reflectors[Symbol.asyncDispose]();
}

class Feed {
  #wake: (() => void) | undefined;
  #lines: Uint8Array[] = [];

  push(event: unknown): void {
    this.#lines.push(new TextEncoder().encode(`${JSON.stringify(event)}\n`));
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

function owned(owner: {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly uid: string };
}) {
  const { name, uid } = owner.metadata;
  return { ownerReferences: [{ apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true }] };
}
