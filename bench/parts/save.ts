// Save to visible: from the moment before a 4 KiB file is written locally until a process on the node sees it in the container.
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
import type { Place } from "../harness/observer.ts";
import { succeeded } from "../harness/process.ts";
import { untilQuiet } from "../harness/idle-machine.ts";
import { median, progress, shown } from "../report/format.ts";
import { TABLES } from "../report/tables.ts";
import type { WayOf } from "../report/tables.ts";
import { shuffled } from "../harness/shuffle.ts";
import type { Group, World } from "../harness/bench-cluster.ts";

export interface SaveOptions {
  readonly rounds: number;
  readonly sizes: readonly number[];
}

type SaveTable = "save" | "save-python";

/** One way to get bytes into the containers of a group. */
interface Way {
  readonly way: WayOf<SaveTable>;
  readonly place: Omit<Place, "pod">;
  /** State that the file will have, given the number of the round. */
  readonly state: (round: number) => string;
  /** Starts; what it gives settles when nothing of it goes on any more. */
  readonly save: (bytes: Buffer, state: string) => Promise<unknown>;
}

const BYTES = 4096;
const OTHER_FILES = 50;
/** Milliseconds that kubectl may take for one pod. */
const LIMIT = 60_000;

/** Goes into the table of the world's image. */
export async function measureSave(world: World, figures: Figures, { rounds, sizes }: SaveOptions): Promise<void> {
  const table: SaveTable = world.inside.hasShell ? "save" : "save-python";
  const folder = mkdtempSync(join(tmpdir(), "kinsync-bench-"));
  try {
    const groups = await Promise.all(sizes.map((size) => world.group(size)));
    const places = groups.flatMap(({ pods }) => pods.flatMap((pod) => PLACES.map((place) => ({ pod, ...place }))));
    await using observer = await createObserver(world, places);
    const acknowledged = new Map<string, number[]>();
    const sourceOf = (kind: string) => (workload: string) => join(folder, kind, workload.replace("/", "-"));
    for (const { workload } of groups) for (const kind of ["lib", "cli"]) fill(sourceOf(kind)(workload));
    const workloads = groups.map(({ workload }) => workload);
    await using _library = await startLibrary(world, configOf(workloads, "lib", sourceOf("lib")), "watch", (event) => {
      if (event.event !== "synced" || event.files !== 1 || event.workload === undefined) return;
      const all = acknowledged.get(event.workload) ?? [];
      acknowledged.set(event.workload, [...all, event.duration]);
    });
    const configFile = join(folder, "kinsync.config.json");
    writeFileSync(configFile, JSON.stringify(configOf(workloads, "cli", sourceOf("cli"))));
    await using _cli = await startCli(world, configFile, workloads.length);

    const plans = await Promise.all(
      groups.map(async (group) => ({
        group,
        ways: await waysOf(world, group, folder, sourceOf),
      })),
    );
    // The programs of the open execs have started when they have taken a block.
    for (const { group, ways } of plans) {
      const { place, save } = ways.find(({ way }) => way === "floor") as Way;
      const places = group.pods.map((pod) => ({ pod, ...place }));
      await save(contentOf("start"), "start");
      await observer.until(places, "1");
    }
    await untilQuiet();
    for (let round = 1; round <= rounds; round += 1) {
      for (const { group, ways } of plans) {
        for (const { way, place, state: stateOf, save } of shuffled(ways)) {
          progress(`${table}, round ${round} of ${rounds}: ${group.size} pods, ${TABLES.save.ways[way]}`);
          const state = stateOf(round);
          const bytes = contentOf(state);
          const places = group.pods.map((pod) => ({ pod, ...place }));
          const begun = now();
          const saved = save(bytes, state);
          const [seen] = await Promise.all([observer.until(places, state), saved]);
          figures.add(table, group.size, way, { first: Math.min(...seen) - begun, last: Math.max(...seen) - begun });
          // A look into a container from inside is an exec of its own: once, then.
          if (observer.isOutside || round === rounds) await assertContent(world, places, bytes);
          await delay(60 + Math.random() * 60);
        }
      }
    }
    progress("");
    const said = [...acknowledged].map(([workload, all]) => {
      const size = groups.find((group) => group.workload === workload)?.size ?? 0;
      return `${shown(median(all))} with ${size} ${size === 1 ? "pod" : "pods"}`;
    });
    figures.note(
      table,
      `${BYTES} bytes, milliseconds, all ways in turns; seen by ${observer.how}. The library itself counts from the moment at ` +
        `which the local files settled until all pods of a group have answered: ${said.join(", ")}.`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function assertContent(world: World, places: readonly Place[], bytes: Uint8Array): Promise<void> {
  const expected = digestOf(bytes);
  for (const { pod, folder, name, block = 0 } of places) {
    const found = await digestInside(world, pod, folder, name, block);
    if (found !== expected) throw new Error(`${pod}: ${folder}/${name} is not what was saved`);
  }
}

const PLACES: readonly Omit<Place, "pod">[] = [
  { folder: "bench/lib", name: "live.txt" },
  { folder: "bench/cli", name: "live.txt" },
  { folder: "bench/raw", name: "exec.txt" },
  { folder: "bench/raw", name: "cp.txt" },
  { folder: "bench/raw", name: "cp-serial.txt" },
  { folder: "bench/raw", name: "tar.txt" },
  { folder: "bench/raw", name: "floor", block: BYTES },
];

async function waysOf(
  world: World,
  group: Group,
  folder: string,
  sourceOf: (kind: string) => (workload: string) => string,
): Promise<readonly Way[]> {
  const append = world.inside.append(BYTES, "bench/raw/floor");
  const floors = await Promise.all(group.pods.map((pod) => openExec(world, pod, append)));
  const local = (kind: string, way: Way["way"]): Way => ({
    way,
    place: { folder: `bench/${kind}`, name: "live.txt" },
    state: (round) => `${kind}-${round}`,
    save: (bytes) => {
      writeFileSync(join(sourceOf(kind)(group.workload), "live.txt"), bytes);
      return Promise.resolve();
    },
  });
  const ways: Way[] = [
    {
      way: "floor",
      place: { folder: "bench/raw", name: "floor", block: BYTES },
      // One block is there before the first round.
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
      place: { folder: "bench/raw", name: "exec.txt" },
      state: (round) => `exec-${round}`,
      save: (bytes) => Promise.all(group.pods.map((pod) => execOnce(world, pod, bytes))),
    },
  ];
  const { kubectl } = world;
  // Both of kubectl's ways need tar in the container.
  if (kubectl === undefined || !world.inside.hasShell) return ways;
  const [file, ...args] = kubectl;
  const through = (way: Way["way"], target: string, command: (pod: string, path: string) => string): Way => {
    const one = (pod: string, path: string): Promise<void> =>
      succeeded(spawn("sh", ["-c", command(pod, path), "sh", file, ...args], { stdio: "ignore", timeout: LIMIT }), way);
    return {
      way,
      place: { folder: "bench/raw", name: target },
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

async function execOnce(world: World, pod: string, bytes: Buffer): Promise<void> {
  const path = "bench/raw/exec.txt";
  const stream = await openExec(world, pod, world.inside.replace(bytes.length, path));
  stream.send(bytes);
  await stream.ended;
  stream.close();
}

/** The state as first line, then what cannot be compressed. */
function contentOf(state: string): Buffer {
  const line = Buffer.from(`${state}\n`);
  return Buffer.concat([line, randomBytes(BYTES - line.length)]);
}

function fill(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (let at = 0; at < OTHER_FILES; at += 1) writeFileSync(join(folder, `other-${at}.txt`), contentOf(`other-${at}`));
  writeFileSync(join(folder, "live.txt"), contentOf("start"));
}
