// Save to visible: from just before a 4 KiB file is written locally until a process on the node can read it in the container.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { digestInside, digestOf } from "../harness/content.ts";
import { openExec } from "../harness/exec-stream.ts";
import type { Figures } from "../report/figures.ts";
import { configOf, startCli, startLibrary } from "../harness/kinsync-runs.ts";
import { createObserver, now } from "../harness/observer.ts";
import type { ContainerFile } from "../harness/observer.ts";
import { untilIdle } from "../harness/idle-machine.ts";
import { succeeded } from "../harness/measured-process.ts";
import { formatNumber, median, progress } from "../report/format.ts";
import { TABLES } from "../report/tables.ts";
import type { WayOf } from "../report/tables.ts";
import { shuffled } from "../harness/shuffle.ts";
import type { BenchCluster, Group } from "../harness/bench-cluster.ts";

export interface SaveOptions {
  readonly rounds: number;
  readonly sizes: readonly number[];
}

type SaveTable = "save" | "save-python";

/** One way to get bytes into the containers of a group. */
interface Way {
  readonly way: WayOf<SaveTable>;
  readonly file: Omit<ContainerFile, "pod">;
  /** The state of the file after a round. */
  readonly state: (round: number) => string;
  /** Starts a save. @returns a promise of its end, including its processes */
  readonly save: (bytes: Buffer, state: string) => Promise<unknown>;
}

const BYTES = 4096;
const OTHER_FILES = 50;
/** Time limit of kubectl for one pod. */
const KUBECTL_LIMIT_MS = 60_000;

/** Measures into the table of the cluster's image. */
export async function measureSave(
  cluster: BenchCluster,
  figures: Figures,
  { rounds, sizes }: SaveOptions,
): Promise<void> {
  const table: SaveTable = cluster.commands.hasShell ? "save" : "save-python";
  const folder = mkdtempSync(join(tmpdir(), "kinsync-bench-"));
  try {
    const groups = await Promise.all(sizes.map((size) => cluster.createGroup(size)));
    const files = groups.flatMap(({ pods }) => pods.flatMap((pod) => FILES.map((file) => ({ pod, ...file }))));
    await using observer = await createObserver(cluster, files);
    const acknowledged = new Map<string, number[]>();
    const sourceOf = (kind: string) => (workload: string) => join(folder, kind, workload.replace("/", "-"));
    for (const { workload } of groups) for (const kind of ["lib", "cli"]) fill(sourceOf(kind)(workload));
    const workloads = groups.map(({ workload }) => workload);
    await using _library = await startLibrary(cluster, configOf(workloads, "lib", sourceOf("lib")), "watch", {
      onEvent: (event) => {
        if (event.event !== "synced" || event.files !== 1 || event.workload === undefined) return;
        const all = acknowledged.get(event.workload) ?? [];
        acknowledged.set(event.workload, [...all, event.duration]);
      },
    });
    const configFile = join(folder, "kinsync.config.json");
    writeFileSync(configFile, JSON.stringify(configOf(workloads, "cli", sourceOf("cli"))));
    await using _cli = await startCli(cluster, configFile, workloads.length);

    const plans = await Promise.all(
      groups.map(async (group) => ({
        group,
        ways: await waysOf(cluster, group, folder, sourceOf),
      })),
    );
    // The programs of the open execs have started when they have read a block.
    for (const { group, ways } of plans) {
      const { file, save } = ways.find(({ way }) => way === "floor") as Way;
      const groupFiles = group.pods.map((pod) => ({ pod, ...file }));
      await save(contentOf("start"), "start");
      await observer.until(groupFiles, "1");
    }
    await untilIdle();
    for (let round = 1; round <= rounds; round += 1) {
      for (const { group, ways } of plans) {
        for (const { way, file, state: stateOf, save } of shuffled(ways)) {
          progress(`${table}, round ${round} of ${rounds}: ${group.size} pods, ${TABLES.save.ways[way]}`);
          const state = stateOf(round);
          const bytes = contentOf(state);
          const groupFiles = group.pods.map((pod) => ({ pod, ...file }));
          const begun = now();
          const saved = save(bytes, state);
          const [times] = await Promise.all([observer.until(groupFiles, state), saved]);
          figures.add(table, group.size, way, { first: Math.min(...times) - begun, last: Math.max(...times) - begun });
          // Reading a file from inside a container takes an exec, so it is done once only.
          if (observer.isOutside || round === rounds) await assertContent(cluster, groupFiles, bytes);
          await delay(60 + Math.random() * 60);
        }
      }
    }
    progress("");
    const acknowledgements = [...acknowledged].map(([workload, all]) => {
      const size = groups.find((group) => group.workload === workload)?.size ?? 0;
      return `${formatNumber(median(all))} with ${size} ${size === 1 ? "pod" : "pods"}`;
    });
    figures.note(
      table,
      `${BYTES} bytes, milliseconds, all ways in turns; observed by ${observer.method}. The library's own measurement, from the ` +
        `settled local files to the acknowledgements of all pods of a group: ${acknowledgements.join(", ")}.`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function assertContent(cluster: BenchCluster, files: readonly ContainerFile[], bytes: Uint8Array): Promise<void> {
  const expected = digestOf(bytes);
  for (const { pod, folder, name, block = 0 } of files) {
    const found = await digestInside(cluster, pod, folder, name, block);
    if (found !== expected) throw new Error(`${pod}: ${folder}/${name} does not have the saved content`);
  }
}

const FILES: readonly Omit<ContainerFile, "pod">[] = [
  { folder: "bench/lib", name: "live.txt" },
  { folder: "bench/cli", name: "live.txt" },
  { folder: "bench/raw", name: "exec.txt" },
  { folder: "bench/raw", name: "cp.txt" },
  { folder: "bench/raw", name: "cp-serial.txt" },
  { folder: "bench/raw", name: "tar.txt" },
  { folder: "bench/raw", name: "floor", block: BYTES },
];

async function waysOf(
  cluster: BenchCluster,
  group: Group,
  folder: string,
  sourceOf: (kind: string) => (workload: string) => string,
): Promise<readonly Way[]> {
  const append = cluster.commands.append(BYTES, "bench/raw/floor");
  const floors = await Promise.all(group.pods.map((pod) => openExec(cluster, pod, append)));
  const local = (kind: string, way: Way["way"]): Way => ({
    way,
    file: { folder: `bench/${kind}`, name: "live.txt" },
    state: (round) => `${kind}-${round}`,
    save: (bytes) => {
      writeFileSync(join(sourceOf(kind)(group.workload), "live.txt"), bytes);
      return Promise.resolve();
    },
  });
  const ways: Way[] = [
    {
      way: "floor",
      file: { folder: "bench/raw", name: "floor", block: BYTES },
      // The file has one block before the first round.
      state: (round) => String(round + 1),
      save: (bytes) => {
        for (const floor of floors) floor.send(bytes);
        return Promise.resolve();
      },
    },
    local("lib", "library"),
    local("cli", "cli"),
    {
      way: "exec",
      file: { folder: "bench/raw", name: "exec.txt" },
      state: (round) => `exec-${round}`,
      save: (bytes) => Promise.all(group.pods.map((pod) => execOnce(cluster, pod, bytes))),
    },
  ];
  const { kubectl } = cluster;
  // Both kubectl cp and tar require tar in the container.
  if (kubectl === undefined || !cluster.commands.hasShell) return ways;
  const [program, ...args] = kubectl;
  const through = (way: Way["way"], target: string, command: (pod: string, path: string) => string): Way => {
    const one = (pod: string, path: string): Promise<void> =>
      succeeded(
        spawn("sh", ["-c", command(pod, path), "sh", program, ...args], { stdio: "ignore", timeout: KUBECTL_LIMIT_MS }),
        way,
      );
    return {
      way,
      file: { folder: "bench/raw", name: target },
      state: (round) => `${target}-${round}`,
      save: async (bytes) => {
        const path = join(folder, target);
        writeFileSync(path, bytes);
        if (way === "cp-serial") for (const pod of group.pods) await one(pod, path);
        else await Promise.all(group.pods.map((pod) => one(pod, path)));
      },
    };
  };
  const copyTo = (target: string) => (pod: string, path: string) =>
    `exec "$@" cp '${path}' ${pod}:bench/raw/${target} -c main`;
  return [
    ...ways,
    through("cp", "cp.txt", copyTo("cp.txt")),
    ...(group.size === 1 ? [] : [through("cp-serial", "cp-serial.txt", copyTo("cp-serial.txt"))]),
    through("tar", "tar.txt", (pod) => {
      return `tar c -C '${folder}' tar.txt | "$@" exec -i ${pod} -c main -- tar x -C bench/raw`;
    }),
  ];
}

async function execOnce(cluster: BenchCluster, pod: string, bytes: Buffer): Promise<void> {
  const path = "bench/raw/exec.txt";
  const stream = await openExec(cluster, pod, cluster.commands.replace(bytes.length, path));
  stream.send(bytes);
  await stream.ended;
  stream.close();
}

/** The state as the first line, then random bytes, which cannot be compressed. */
function contentOf(state: string): Buffer {
  const line = Buffer.from(`${state}\n`);
  return Buffer.concat([line, randomBytes(BYTES - line.length)]);
}

function fill(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (let at = 0; at < OTHER_FILES; at += 1) writeFileSync(join(folder, `other-${at}.txt`), contentOf(`other-${at}`));
  writeFileSync(join(folder, "live.txt"), contentOf("start"));
}
