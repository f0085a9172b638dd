// The cost of one event in a workload of 10,000 pods: store, walk, judgement and sorted members, from the event's arrival to the new
// resolution. Requires no cluster.
import type { KubeObject } from "../../packages/core/src/contract/resource.ts";
import { ReflectorPool } from "../../packages/core/src/kube/reflector-pool.ts";
import { PODS } from "../../packages/core/src/kube/resource-path.ts";
import { ObjectStore } from "../../packages/core/src/kube/store.ts";
import { deepFreeze, trimPod } from "../../packages/core/src/kube/trim.ts";
import { walkDown } from "../../packages/core/src/resolve/members/ownership.ts";
import { watchWorkload } from "../../packages/core/src/resolve/members/workload-watch.ts";
import type { Resolution } from "../../packages/core/src/resolve/resolution.ts";
import { formatNumber, median, print, quantile, ratio, table, verdict } from "../report/format.ts";
import { connectTo, eventBytes, JOBS, LargeWorkload, SET_KIND, SETS } from "./large-workload.ts";

const POD_EVENTS = 300;
const JOB_EVENTS = 20;
/** Prime, so that consecutive events are about distant pods. */
const STRIDE = 7919;

/** @param count number of pods */
export async function benchResolve(count: number): Promise<void> {
  const workload = new LargeWorkload(count);
  const { cluster, feeds } = connectTo(workload);
  let onNext: ((resolution: Resolution) => void) | undefined;
  await using reflectors = new ReflectorPool({ cluster });
  const memoryBefore = process.memoryUsage().heapUsed;
  const started = performance.now();
  await using watch = watchWorkload({
    cluster,
    reflectors,
    ref: { resource: SETS, namespace: "ml", name: "train" },
    kind: SET_KIND,
    kinds: [SET_KIND],
    signal: new AbortController().signal,
    onResolution: (resolution) => onNext?.(resolution),
  });
  const first = await watch.ready;
  const toReady = performance.now() - started;
  if (first.members.length !== count) throw new Error(`${first.members.length} members instead of ${count}`);

  let last = 100;
  const timeToResolution = async (send: () => void): Promise<number> => {
    // Resolutions of many events at once are delayed on purpose; here events are sent one by one.
    await new Promise((resolve) => setTimeout(resolve, 2 * Math.max(1, last)));
    const done = new Promise<void>((resolve) => (onNext = () => resolve()));
    const from = performance.now();
    send();
    await done;
    last = performance.now() - from;
    return last;
  };

  const podTimes: number[] = [];
  const jobTimes: number[] = [];
  for (let turn = 0; turn < POD_EVENTS; turn += 1) {
    const event = eventBytes({ type: "MODIFIED", object: workload.pod((turn * STRIDE) % count, `2${turn}`) });
    podTimes.push(await timeToResolution(() => feeds.pods.push(event)));
  }
  for (let turn = 0; turn < JOB_EVENTS; turn += 1) {
    const job = workload.jobs[turn % workload.jobs.length] as KubeObject;
    const metadata = { ...job.metadata, resourceVersion: `2${turn}`, labels: { turn: String(turn) } };
    const event = eventBytes({ type: "MODIFIED", object: { ...job, metadata } });
    jobTimes.push(await timeToResolution(() => feeds.jobs.push(event)));
  }

  const { parse, trim, freeze, walk } = measureSteps(workload);
  const event = median(podTimes);
  const row = (what: string, time: number): readonly string[] => [what, formatNumber(time), ratio(time, parse)];
  const size = (JSON.stringify(workload.pods[0]).length / 1024).toFixed(1);
  print(`\nResolve: ${count} pods of ${workload.jobs.length} Jobs, ${size} KB each as JSON, ms\n`);
  print(
    table(
      ["", "ms", "of the floor"],
      [
        row("JSON.parse of all pods (floor)", parse),
        row("from the start to the first resolution", toReady),
        row("  trimming all pods", trim),
        row("  freezing all pods", freeze),
        row("  the walk", walk),
        row(`one Job's event (walk, and judging all pods again), median of ${JOB_EVENTS}`, median(jobTimes)),
        row(`one pod's event until the resolution, median of ${POD_EVENTS}`, event),
        row("  the same, 99th percentile", quantile(podTimes, 0.99)),
      ],
    ),
  );
  print(`\na pod's event : judging all pods again = 1 : ${formatNumber(median(jobTimes) / event)}`);
  const memory = (process.memoryUsage().heapUsed - memoryBefore) / 1024 / 1024;
  print(`heap of all of this: ${formatNumber(memory)} MiB\n`);
  print(verdict(`one pod's event at ${count} pods`, event, 1));
}

/** Milliseconds of each step over all pods. */
function measureSteps(workload: LargeWorkload): Readonly<Record<"parse" | "trim" | "freeze" | "walk", number>> {
  const timeOf = (run: () => void): number => {
    const from = performance.now();
    run();
    return performance.now() - from;
  };
  const texts = workload.pods.map((pod) => JSON.stringify(pod));
  const parsed: unknown[] = [];
  const parse = timeOf(() => parsed.push(...texts.map((text) => JSON.parse(text) as unknown)));
  const trimmed: ReturnType<typeof trimPod>[] = [];
  const trim = timeOf(() => trimmed.push(...parsed.map(trimPod)));
  const freeze = timeOf(() => trimmed.forEach(deepFreeze));
  const stores = { pods: new ObjectStore(trimPod), jobs: new ObjectStore((raw) => raw as KubeObject) };
  stores.pods.replace(workload.pods);
  stores.jobs.replace(workload.jobs);
  const walk = timeOf(() => {
    walkDown(workload.root, [
      { resource: PODS, owner: "controller", store: stores.pods },
      { resource: JOBS, owner: "controller", store: stores.jobs },
    ]);
  });
  return { parse, trim, freeze, walk };
}
