// Skew: from the first to the last container of a group that shows a save, as a gang and without one.
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { UpdateMode } from "@kinsync/core/contract";
import type { BenchCluster } from "../harness/bench-cluster.ts";
import { untilIdle } from "../harness/idle-machine.ts";
import { configOf, startLibrary } from "../harness/kinsync-runs.ts";
import { createObserver, now } from "../harness/observer.ts";
import { shuffled } from "../harness/shuffle.ts";
import { formatNumber, median, print, progress, table } from "../report/format.ts";

const BYTES = 4096;
const MODES: readonly UpdateMode[] = ["independent", "gang"];
/** Between two saves of one file, as people save: files that were placed a moment ago cost a commit two more processes. */
const REST_MS = 3_000;
/** Folders that the containers of a group have. */
const FOLDERS = { independent: "lib", gang: "cli" } as const satisfies Record<UpdateMode, string>;
/** On the project's own cluster, over 20 containers. */
const GOAL_MS = 15;

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
    const fileOf = (mode: UpdateMode) => ({ folder: `bench/${FOLDERS[mode]}`, name: "live.txt" });
    await using observer = await createObserver(
      cluster,
      MODES.flatMap((mode) => pods.map((pod) => ({ pod, ...fileOf(mode) }))),
    );
    await using running = new AsyncDisposableStack();
    for (const mode of MODES) {
      mkdirSync(join(folder, mode));
      writeFileSync(join(folder, mode, "live.txt"), contentOf("start"));
      const { workloads } = configOf([workload], FOLDERS[mode], () => join(folder, mode));
      const update = { workloads: workloads.map((each) => ({ ...each, update: mode })) };
      running.use(await startLibrary(cluster, update, "watch"));
    }
    await untilIdle();
    const measured = new Map<UpdateMode, Measured[]>(MODES.map((mode) => [mode, []]));
    for (let round = 1; round <= rounds; round += 1) {
      for (const mode of shuffled(MODES)) {
        progress(`gang, round ${round} of ${rounds}: ${mode}`);
        const state = `${mode}-${round}`;
        const begun = now();
        writeFileSync(join(folder, mode, "live.txt"), contentOf(state));
        const times = await observer.until(
          pods.map((pod) => ({ pod, ...fileOf(mode) })),
          state,
        );
        const [first, last] = [Math.min(...times), Math.max(...times)];
        measured.get(mode)?.push({ skew: last - first, last: last - begun });
        await delay(REST_MS);
      }
    }
    progress("");
    print(`\nA save of ${BYTES} bytes in ${size} containers, ms, medians; observed by ${observer.method}\n`);
    const rows = [...measured].map(([mode, all]) => [
      mode,
      formatNumber(median(all.map(({ skew }) => skew))),
      formatNumber(Math.max(...all.map(({ skew }) => skew))),
      formatNumber(median(all.map(({ last }) => last))),
    ]);
    print(table(["update", "first to last", "at most", "save to last"], rows));
    print(`\nGoal on the project's cluster, over 20 containers as a gang: first to last in ${GOAL_MS} ms.`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The state is the first line, which the observer reads. */
function contentOf(state: string): string {
  return `${state}\n${randomBytes(BYTES / 2).toString("hex")}`.slice(0, BYTES);
}
