// Skew: from the first to the last container of a group that shows a save, as a gang and without one.
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { UpdateMode } from "@kinsync/core/contract";
import type { BenchCluster } from "../harness/bench-cluster.ts";
import { untilIdle } from "../harness/idle-machine.ts";
import { openExec } from "../harness/exec-stream.ts";
import type { ExecStream } from "../harness/exec-stream.ts";
import { configOf, startLibrary } from "../harness/kinsync-runs.ts";
import { createObserver, now } from "../harness/observer.ts";
import type { ContainerFile } from "../harness/observer.ts";
import { shuffled } from "../harness/shuffle.ts";
import { formatNumber, median, print, progress, table } from "../report/format.ts";

const BYTES = 4096;
const MODES: readonly UpdateMode[] = ["independent", "gang"];
/** About the size of an order to commit. */
const ORDER_BYTES = 64;
/** Between two saves of one file, as people save: files that were placed a moment ago cost a commit two more processes. */
const REST_MS = 3_000;
/** Folders that the containers of a group have. */
const FOLDERS = { independent: "lib", gang: "cli" } as const satisfies Record<UpdateMode, string>;
/** On the project's own cluster, over 20 containers. */
const GOAL_MS = 15;

/** One way to change a file in all containers. */
interface Way {
  readonly title: string;
  readonly file: Omit<ContainerFile, "pod">;
  /** The state of the file after a round. */
  readonly state: (round: number) => string;
  /** Changes the file in all containers, or begins to. */
  readonly save: (state: string) => void;
}

interface Measured {
  readonly skew: number;
  readonly last: number;
}

export async function benchGang(
  cluster: BenchCluster,
  { pods: size, rounds }: { readonly pods: number; readonly rounds: number },
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "kinsync-bench-"));
  try {
    const { workload, pods } = await cluster.createGroup(size);
    await using running = new AsyncDisposableStack();
    const floor = await floorOf(cluster, pods, running);
    const ways = [floor, ...MODES.map((mode) => wayOf(mode, join(folder, mode)))];
    const filesOf = ({ file }: Way) => pods.map((pod) => ({ pod, ...file }));
    await using observer = await createObserver(cluster, ways.flatMap(filesOf));
    for (const mode of MODES) {
      mkdirSync(join(folder, mode));
      writeFileSync(join(folder, mode, "live.txt"), contentOf("start"));
      const { workloads } = configOf([workload], FOLDERS[mode], () => join(folder, mode));
      const update = { workloads: workloads.map((each) => ({ ...each, update: mode })) };
      running.use(await startLibrary(cluster, update, "watch"));
    }
    // The programs of the floor have started when they have written once.
    floor.save(floor.state(0));
    await observer.until(filesOf(floor), floor.state(0));
    await untilIdle();
    const measured = new Map<Way, Measured[]>(ways.map((way) => [way, []]));
    for (let round = 1; round <= rounds; round += 1) {
      for (const way of shuffled(ways)) {
        progress(`gang, round ${round} of ${rounds}: ${way.title}`);
        const state = way.state(round);
        const begun = now();
        way.save(state);
        const times = await observer.until(filesOf(way), state);
        const [first, last] = [Math.min(...times), Math.max(...times)];
        measured.get(way)?.push({ skew: last - first, last: last - begun });
        await delay(REST_MS);
      }
    }
    progress("");
    print(`\nA save of ${BYTES} bytes in ${size} containers, ms, medians; observed by ${observer.method}\n`);
    const rows = [...measured].map(([{ title }, all]) => [
      title,
      formatNumber(median(all.map(({ skew }) => skew))),
      formatNumber(Math.max(...all.map(({ skew }) => skew))),
      formatNumber(median(all.map(({ last }) => last))),
    ]);
    print(table(["way", "first to last", "at most", "save to last"], rows));
    print(`\nGoal on the project's cluster, over 20 containers as a gang: first to last in ${GOAL_MS} ms.`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function wayOf(mode: UpdateMode, folder: string): Way {
  return {
    title: mode,
    file: { folder: `bench/${FOLDERS[mode]}`, name: "live.txt" },
    state: (round) => `${mode}-${round}`,
    save: (state) => writeFileSync(join(folder, "live.txt"), contentOf(state)),
  };
}

/** A small message into one open exec of each container, sent without a pause, whose program only writes it to a file. */
async function floorOf(cluster: BenchCluster, pods: readonly string[], running: AsyncDisposableStack): Promise<Way> {
  const command = cluster.commands.append(ORDER_BYTES, "bench/raw/floor");
  const streams = await Promise.all(pods.map((pod) => openExec(cluster, pod, command)));
  for (const stream of streams) running.defer(() => stream.close());
  const send = (stream: ExecStream): (() => void) => stream.prepare(randomBytes(ORDER_BYTES));
  return {
    title: `a message of ${ORDER_BYTES} bytes into an open exec (floor)`,
    file: { folder: "bench/raw", name: "floor", block: ORDER_BYTES },
    // The state is the number of messages.
    state: (round) => `${round + 1}`,
    save: () => {
      for (const message of streams.map(send)) message();
    },
  };
}

/** The state is the first line, which the observer reads. */
function contentOf(state: string): string {
  return `${state}\n${randomBytes(BYTES / 2).toString("hex")}`.slice(0, BYTES);
}
