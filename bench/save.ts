// Save to visible: from the moment before a 4 KiB file is written locally until a process on the node sees it in the container.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openExec } from "./exec.ts";
import { configOf, startCli, startLibrary } from "./kinsync.ts";
import { createObserver, now } from "./observer.ts";
import type { Place } from "./observer.ts";
import { succeeded } from "./process.ts";
import { median, progress, quantile, ratio, say, shown, table, verdict } from "./report.ts";
import type { Group, World } from "./world.ts";

export interface SaveOptions {
  readonly rounds: number;
  readonly sizes: readonly number[];
}

/** One way to get bytes into the containers of a group. */
interface Way {
  readonly name: string;
  readonly place: Omit<Place, "pod">;
  /** State that the file will have, given the number of the round. */
  readonly state: (round: number) => string;
  /** Starts; what it gives settles when nothing of it goes on any more. */
  readonly save: (bytes: Buffer, state: string) => Promise<unknown>;
}

interface Figures {
  readonly way: string;
  readonly size: number;
  readonly first: number[];
  readonly last: number[];
}

const BYTES = 4096;
const OTHER_FILES = 50;
const LIBRARY = "kinsync (library)";
const CLI = "kinsync up (CLI)";
const COPY = "kubectl cp, in parallel";
const FLOOR = "one open exec (floor)";

export async function benchSave(world: World, { rounds, sizes }: SaveOptions): Promise<void> {
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

    const figures: Figures[] = [];
    const plans = await Promise.all(
      groups.map(async (group) => ({
        group,
        ways: await waysOf(world, group, folder, sourceOf),
      })),
    );
    for (let round = 1; round <= rounds; round += 1) {
      for (const { group, ways } of plans) {
        for (const [turn] of ways.entries()) {
          // Nobody is always the one after the most expensive.
          const way = ways[(turn + round) % ways.length] as Way;
          progress(`round ${round} of ${rounds}: ${group.size} pods, ${way.name}`);
          const state = way.state(round);
          const bytes = contentOf(state);
          const begun = now();
          const ended = way.save(bytes, state);
          const seen = await observer.until(
            group.pods.map((pod) => ({ pod, ...way.place })),
            state,
          );
          await ended;
          const into = figuresOf(figures, way.name, group.size);
          into.first.push(Math.min(...seen) - begun);
          into.last.push(Math.max(...seen) - begun);
          await delay(60 + Math.random() * 60);
        }
      }
    }
    progress("");
    report(figures, sizes, observer.how, rounds);
    for (const group of groups) {
      const all = acknowledged.get(group.workload) ?? [];
      say(
        `acknowledged after the local files settled, ${group.size} pods, library: median ${shown(median(all))}, p95 ${shown(quantile(all, 0.95))}`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const PLACES: readonly Omit<Place, "pod">[] = [
  { folder: "bench/lib", name: "live.txt" },
  { folder: "bench/cli", name: "live.txt" },
  { folder: "bench/raw", name: "exec.txt" },
  { folder: "bench/raw", name: "cp.txt" },
  { folder: "bench/raw", name: "tar.txt" },
  { folder: "bench/raw", name: "floor", block: BYTES },
];

async function waysOf(
  world: World,
  group: Group,
  folder: string,
  sourceOf: (kind: string) => (workload: string) => string,
): Promise<readonly Way[]> {
  // The shell stays: an exec whose process closes its standard output is over.
  const keep = `dd bs=${BYTES} iflag=fullblock of=bench/raw/floor; :`;
  const floors = await Promise.all(group.pods.map((pod) => openExec(world, pod, ["sh", "-c", keep])));
  const local = (kind: string, name: string): Way => ({
    name,
    place: { folder: `bench/${kind}`, name: "live.txt" },
    state: (round) => `${kind}-${round}`,
    save: (bytes) => {
      writeFileSync(join(sourceOf(kind)(group.workload), "live.txt"), bytes);
      return Promise.resolve();
    },
  });
  const ways: Way[] = [
    {
      name: FLOOR,
      place: { folder: "bench/raw", name: "floor", block: BYTES },
      state: (round) => String(round),
      save: (bytes) => {
        for (const floor of floors) floor.send(bytes);
        return Promise.resolve();
      },
    },
    local("lib", LIBRARY),
    local("cli", CLI),
    {
      name: "a new exec per save",
      place: { folder: "bench/raw", name: "exec.txt" },
      state: (round) => `exec-${round}`,
      save: (bytes) => Promise.all(group.pods.map((pod) => execOnce(world, pod, bytes))),
    },
  ];
  const { kubectl } = world;
  if (kubectl === undefined) {
    say("kubectl is not on PATH: nothing to compare with `kubectl cp`");
    return ways;
  }
  const [file, ...args] = kubectl;
  const through = (name: string, target: string, command: (pod: string, path: string) => string): Way => ({
    name,
    place: { folder: "bench/raw", name: target },
    state: (round) => `${target}-${round}`,
    save: (bytes) => {
      const path = join(folder, target);
      writeFileSync(path, bytes);
      return Promise.all(
        group.pods.map((pod) => {
          const child = spawn("sh", ["-c", command(pod, path), "sh", file, ...args], { stdio: "ignore" });
          return succeeded(child, name);
        }),
      );
    },
  });
  return [
    ...ways,
    through(COPY, "cp.txt", (pod, path) => `exec "$@" cp '${path}' ${pod}:bench/raw/cp.txt -c main`),
    through("tar into kubectl exec, in parallel", "tar.txt", (pod) => {
      return `tar c -C '${folder}' tar.txt | "$@" exec -i ${pod} -c main -- tar x -C bench/raw`;
    }),
  ];
}

async function execOnce(world: World, pod: string, bytes: Buffer): Promise<void> {
  const path = "bench/raw/exec.txt";
  const script = `dd bs=${bytes.length} count=1 iflag=fullblock of=${path}.new 2>/dev/null && mv -f ${path}.new ${path}`;
  const stream = await openExec(world, pod, ["sh", "-c", script]);
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

function figuresOf(all: Figures[], way: string, size: number): Figures {
  let found = all.find((each) => each.way === way && each.size === size);
  if (found === undefined) all.push((found = { way, size, first: [], last: [] }));
  return found;
}

function report(figures: readonly Figures[], sizes: readonly number[], how: string, rounds: number): void {
  const lastOf = (way: string, size: number): number =>
    median(figures.find((each) => each.way === way && each.size === size)?.last ?? []);
  say(`\nSave to visible, ${BYTES} bytes, ms, ${rounds} rounds, all ways in turn; by ${how}\n`);
  const rows = figures
    .toSorted((a, b) => a.size - b.size || lastOf(a.way, a.size) - lastOf(b.way, b.size))
    .map(({ way, size, first, last }) => [
      `${size} ${size === 1 ? "pod" : "pods"}: ${way}`,
      shown(median(first)),
      shown(median(last)),
      shown(quantile(last, 0.95)),
      ratio(median(last), lastOf(FLOOR, size)),
      ratio(lastOf(COPY, size), median(last)),
    ]);
  say(table(["", "first", "last", "last p95", "of the floor", "kubectl cp takes"], rows));
  say("");
  const many = Math.max(...sizes);
  const goals: readonly [size: number, share: number][] = [
    [5, 20],
    [20, 40],
  ];
  for (const way of [LIBRARY, CLI]) {
    for (const [size, share] of goals.filter(([size]) => size <= many && sizes.includes(size))) {
      const value = lastOf(way, size) / lastOf(COPY, size);
      say(verdict(`${way}, last of ${size} pods / kubectl cp`, value, 1 / share, (part) => `1/${shown(1 / part)}`));
    }
    if (sizes.includes(5) && sizes.includes(1)) {
      say(
        verdict(
          `${way}, last of 5 pods / of one pod`,
          lastOf(way, 5) / lastOf(way, 1),
          1.5,
          (value) => `${shown(value)}x`,
        ),
      );
    }
  }
}
