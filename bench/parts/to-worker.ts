// The cost of one pod's event through to the worker of its container: from the event's arrival to the opening of a session, among
// 10,000 pods that all have a worker. Also the memory that the engine retains for each of these pods. Requires no cluster.
import { setImmediate as nextTurn, setTimeout as rest } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { defineTransport } from "../../packages/core/src/contract/transport.ts";
import type { Inventory, Receipt, Session, SessionFacts, Stage } from "../../packages/core/src/contract/transport.ts";
import { createEngine } from "../../packages/core/src/engine/engine.ts";
import { memoryContent } from "../../packages/core/src/mapping/memory-content.ts";
import { createTree } from "../../packages/core/src/mapping/tree.ts";
import { mapping } from "../../packages/core/test/support/mapping.ts";
import { formatNumber, median, print, quantile, table, verdict } from "../report/format.ts";
import { connectTo, eventBytes, LargeWorkload, SET_KIND, SETS } from "./large-workload.ts";

/** V8 has compiled little of this path when they arrive. */
const FIRST_EVENTS = 300;
/** Until V8 has compiled all of it: a roll-out of 1,000 pods is about as many events. */
const WARM_UP_EVENTS = 3_000;
/** Of each pace. */
const POD_EVENTS = 1_000;
/** Events of one pace before the other one has its turn. */
const BLOCK = 100;
/** Prime, so that consecutive events are about distant pods. */
const STRIDE = 7919;
/** A processor that rested has to wake up, and has forgotten what it needs: everything takes longer then, the floor, too. */
const REST_MS = 3;
/** Time after the last session until the memory is read: workers finish their first pass. */
const SETTLE_MS = 2_000;

const FACTS = { agent: "none", incarnation: "1", workingDirectory: "/" };
const NEVER = new Promise<never>(() => undefined);

/** A session that does nothing and holds nothing: what a session costs is another benchmark's. */
class IdleSession implements Session {
  get facts(): SessionFacts {
    return FACTS;
  }

  get ended(): Promise<never> {
    return NEVER;
  }

  async inventory(): Promise<Inventory> {
    return { root: "directory", entries: [], placed: [] };
  }

  async claim(): Promise<void> {}

  stage(): Stage {
    return { ready: Promise.resolve() };
  }

  async commit(): Promise<Receipt> {
    return { snapshot: 1, tree: "", count: 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** When the next event comes. A roll-out is events in a row; a single restart comes after a rest. */
const PACES = {
  "events in a row": () => nextTurn(),
  [`after ${REST_MS} ms of rest`]: () => rest(REST_MS),
} as const;

interface Times {
  readonly event: number[];
  readonly floor: number[];
}

/** @param count number of pods */
export async function benchToWorker(count: number): Promise<void> {
  const workload = new LargeWorkload(count);
  const { cluster, feeds } = connectTo(workload);
  let opened = 0;
  const allOpened = Promise.withResolvers<void>();
  let onOpen: ((containerId: string) => void) | undefined;
  const transport = defineTransport({
    name: "exec",
    capabilities: { folders: true, links: true, modes: true, deletes: true, acknowledges: "seen" },
    open: async ({ containerId }) => {
      opened += 1;
      if (opened === count) allOpened.resolve();
      onOpen?.(containerId);
      return new IdleSession();
    },
  });
  const stop = new AbortController();
  // V8 flattens the texts of these pods when they are sent. That memory is the benchmark's, so it happens before.
  JSON.stringify(workload.pods);
  const heapBefore = usedHeap();
  const content = memoryContent([]);
  const engine = createEngine({
    cluster,
    kinds: [SET_KIND],
    transports: [transport],
    workloads: [
      {
        name: "set/train",
        ref: { resource: SETS, namespace: "ml", name: "train" },
        // The second mapping fits no member, so that finding such filters is measured, too.
        mappings: [mapping("src"), mapping("none", { indexes: ["none"] })],
        run: [],
        mode: "auto",
      },
    ],
    mode: "watch",
    signal: stop.signal,
    onEvent: () => undefined,
    createSource: (spec, { onState }) => {
      const state = {
        state: "present",
        tree: createTree("directory", []),
        content,
        problems: [],
        isIgnored: () => false,
      } as const;
      queueMicrotask(() => onState(state));
      return {
        spec,
        current: state,
        isSettling: false,
        ready: Promise.resolve(state),
        rescan: () => Promise.resolve(state),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
  });
  const ended = engine.run();
  await allOpened.promise;
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const bytesPerPod = (usedHeap() - heapBefore) / count;

  const first: number[] = [];
  const times = new Map(Object.keys(PACES).map((pace): [string, Times] => [pace, { event: [], floor: [] }]));
  let turn = 0;
  const bytesOfNext = (): { readonly containerId: string; readonly bytes: Uint8Array } => {
    turn += 1;
    const containerId = `containerd://restarted-${turn}`;
    const object = workload.pod((turn * STRIDE) % count, `2${turn}`, containerId);
    return { containerId, bytes: eventBytes({ type: "MODIFIED", object }) };
  };
  const measure = async (into: number[]): Promise<void> => {
    const { containerId, bytes } = bytesOfNext();
    const reached = new Promise<void>((resolve) => {
      onOpen = (id) => {
        if (id === containerId) resolve();
      };
    });
    const from = performance.now();
    feeds.pods.push(bytes);
    await reached;
    into.push(performance.now() - from);
  };
  const measureFloor = (into: number[]): void => {
    const { bytes } = bytesOfNext();
    const from = performance.now();
    JSON.parse(Buffer.from(bytes).toString());
    into.push(performance.now() - from);
  };
  while (first.length < WARM_UP_EVENTS) {
    await nextTurn();
    await measure(first);
  }
  for (let done = 0; done < POD_EVENTS; done += BLOCK) {
    for (const [pace, next] of Object.entries(PACES)) {
      const { event, floor } = times.get(pace) as Times;
      for (let at = 0; at < BLOCK; at += 1) {
        await next();
        await measure(event);
        await next();
        measureFloor(floor);
      }
    }
  }
  stop.abort();
  await ended;
  print(`\nOne container's restart until its worker opens a session, ${count} pods with a worker each, ms\n`);
  print(
    table(
      ["", "median", "p99", "JSON.parse of the event (floor), median"],
      [
        [`the first ${FIRST_EVENTS} events, in a row`, formatNumber(median(first.slice(0, FIRST_EVENTS))), "", ""],
        ...[...times].map(([pace, { event, floor }]) => [
          `${POD_EVENTS} of each after ${WARM_UP_EVENTS} others, ${pace}`,
          formatNumber(median(event)),
          formatNumber(quantile(event, 0.99)),
          formatNumber(median(floor)),
        ]),
      ],
    ),
  );
  print(`\nheap that the engine retains for each pod and its worker: ${(bytesPerPod / 1024).toFixed(2)} KiB`);
  print("");
  for (const [pace, { event }] of times) {
    print(verdict(`one pod's event to the worker, ${pace}, median`, median(event), 0.3));
    print(verdict(`one pod's event to the worker, ${pace}, 99th percentile`, quantile(event, 0.99), 3));
  }
  print(verdict("KiB retained for each pod", bytesPerPod / 1024, 3));
}

/** Bytes of the heap after a full garbage collection. */
function usedHeap(): number {
  // `--expose-gc` at run time: a flag on the command line would have to be passed through npm.
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
