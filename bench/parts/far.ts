// The first sync of a project into five pods over a link to a cluster far away: slow, with a delay, and shared by all connections.
import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { BenchCluster } from "../harness/bench-cluster.ts";
import { baseName } from "../harness/container-commands.ts";
import { assertSame, contentInside, contentOfFolder } from "../harness/content.ts";
import { openExec } from "../harness/exec-stream.ts";
import { openFarCluster } from "../harness/far-link.ts";
import { untilIdle } from "../harness/idle-machine.ts";
import { cliArguments, clusterArguments, startLibrary } from "../harness/kinsync-runs.ts";
import { succeeded, within } from "../harness/measured-process.ts";
import { now } from "../harness/observer.ts";
import { shuffled } from "../harness/shuffle.ts";
import type { Figures } from "../report/figures.ts";
import { formatNumber, progress } from "../report/format.ts";
import { TABLES } from "../report/tables.ts";
import type { WayOf } from "../report/tables.ts";

const execFileAsync = promisify(execFile);

const DELAY_MS = 40;
const MEGABITS_PER_SECOND = 20;
const PODS = 5;
const FILES = 2_000;
const FILE_BYTES = 7_000;
const BLOCK_BYTES = 64 * 1024;
const TRANSFER_LIMIT_MS = 300_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** One way to transfer the files. */
interface Way {
  readonly way: WayOf<"far">;
  /** Prepares, while the clock is stopped, a transfer into the empty folder `to` of each pod. @returns the transfer, which is measured */
  readonly prepare: (to: string) => Promise<() => Promise<unknown>>;
}

export async function measureFar(
  near: BenchCluster,
  figures: Figures,
  options: { readonly turns: number },
): Promise<void> {
  const local = mkdtempSync(join(tmpdir(), "kinsync-bench-"));
  try {
    const source = join(local, "src");
    const bytes = createTexts(source);
    const archive = execFileSync("tar", ["cz", "-C", source, "."], { maxBuffer: MAX_OUTPUT_BYTES });
    figures.note(
      "far",
      `${FILES.toLocaleString("en-US")} files of text, ${megabytes(bytes)} in all (${megabytes(archive.length)} as tar.gz), into ${PODS} pods ` +
        `over a link with ${MEGABITS_PER_SECOND} Mbit/s in each direction, shared by all connections, and ${DELAY_MS} ms of delay one way; ` +
        "milliseconds until the last pod holds all.",
    );
    const group = await near.createGroup(PODS);
    const link = { delayMs: DELAY_MS, bytesPerSecond: (MEGABITS_PER_SECOND * 1_000_000) / 8 };
    await using far = await openFarCluster(near, link);
    const ways = waysOf(far, group.workload, group.pods, local, archive);
    const content = contentOfFolder(source);
    const variant = baseName(near.image);
    await untilIdle();
    for (let turn = 0; turn < options.turns; turn += 1) {
      for (const { way, prepare } of shuffled(ways)) {
        const name = TABLES.far.ways[way];
        progress(`far, ${variant}, turn ${turn + 1} of ${options.turns}: ${name}`);
        const to = `bench/far-${turn}-${way}`;
        await onEach(group.pods, (pod) => execute(near, pod, ["mkdir", to]));
        const transfer = await prepare(to);
        const begun = now();
        await within(transfer(), TRANSFER_LIMIT_MS, name);
        figures.add("far", variant, way, { last: now() - begun });
        for (const pod of group.pods) {
          assertSame(await contentInside(near, pod, to), content, `far, ${name}, turn ${turn + 1}, ${pod}`);
        }
        await onEach(group.pods, (pod) => execute(near, pod, ["rm", "-rf", to]));
      }
    }
    progress("");
  } finally {
    rmSync(local, { recursive: true, force: true });
  }
}

function waysOf(
  far: BenchCluster,
  workload: string,
  pods: readonly string[],
  local: string,
  archive: Uint8Array,
): readonly Way[] {
  const source = join(local, "src");
  const ways: Way[] = [
    {
      way: "floor",
      prepare: async (to) => {
        const sends = await Promise.all(pods.map((pod) => prepareFloor(far, pod, to, archive)));
        return () => Promise.all(sends.map((send) => send()));
      },
    },
    {
      way: "library",
      prepare: (to) =>
        Promise.resolve(async () => {
          await using _done = await startLibrary(
            far,
            { workloads: [{ workload, sync: [{ from: source, to }] }] },
            "once",
          );
        }),
    },
    {
      way: "cli",
      prepare: (to) => {
        const args = ["sync", workload, ...clusterArguments(far), "--sync", `src:${to}`, "-o", "json"];
        return Promise.resolve(() =>
          execFileAsync(process.execPath, [...cliArguments(far.form), ...args], {
            cwd: local,
            timeout: TRANSFER_LIMIT_MS,
            maxBuffer: MAX_OUTPUT_BYTES,
          }),
        );
      },
    },
  ];
  const { kubectl } = far;
  if (kubectl === undefined) return ways;
  const tar = (pod: string, to: string): Promise<unknown> => {
    const script = `tar cz -C '${source}' . | "$@" exec -i ${pod} -c main -- tar xz -C ${to}`;
    const options = { stdio: "ignore", timeout: TRANSFER_LIMIT_MS } as const;
    return succeeded(spawn("sh", ["-c", script, "sh", ...kubectl], options), `tar into ${pod}`);
  };
  ways.push({ way: "tar", prepare: (to) => Promise.resolve(() => onEach(pods, (pod) => tar(pod, to))) });
  return ways;
}

/** Opens an exec that unpacks these bytes; what follows the archive in its last block is padding. */
async function prepareFloor(
  far: BenchCluster,
  pod: string,
  to: string,
  archive: Uint8Array,
): Promise<() => Promise<void>> {
  const blocks = Math.ceil(archive.length / BLOCK_BYTES);
  const receive = `dd bs=${BLOCK_BYTES} count=${blocks} iflag=fullblock 2>/dev/null | tar xz -C ${to} 2>/dev/null`;
  // The shell stays: an exec ends when its process closes its standard output.
  const stream = await openExec(far, pod, ["sh", "-c", `echo ready; ${receive}; echo done; read -r end`]);
  const line = (): Promise<unknown> =>
    Promise.race([
      new Promise((resolve) => {
        stream.onLine = resolve;
      }),
      stream.ended,
    ]);
  await within(line(), TRANSFER_LIMIT_MS, "the start of a shell");
  const send = stream.prepare(Buffer.concat([archive], blocks * BLOCK_BYTES));
  return async () => {
    const done = line();
    send();
    await done;
    stream.close();
  };
}

function onEach(pods: readonly string[], work: (pod: string) => Promise<unknown>): Promise<unknown> {
  return Promise.all(pods.map((pod) => work(pod)));
}

async function execute(cluster: BenchCluster, pod: string, command: readonly string[]): Promise<void> {
  const stream = await openExec(cluster, pod, command);
  await within(stream.ended, TRANSFER_LIMIT_MS, command.join(" "));
  stream.close();
}

/** Creates texts that compress about as well as sources: the same in each run. @returns their size in bytes */
function createTexts(folder: string): number {
  const random = createRandom();
  const words = Array.from({ length: 6_000 }, () => {
    const length = 3 + Math.floor(random() * 9);
    return Array.from({ length }, () => "etaoinshrdlcumwfgypbvk"[Math.floor(random() ** 1.7 * 22)]).join("");
  });
  // A few words make up most of a text.
  const word = (): string => words[Math.floor(random() ** 2.5 * words.length)] ?? "";
  let bytes = 0;
  for (let at = 0; at < FILES; at += 1) {
    const parent = join(folder, `part-${Math.floor(at / 100)}`);
    if (at % 100 === 0) mkdirSync(parent, { recursive: true });
    let text = "";
    while (text.length < FILE_BYTES) {
      text += `  const ${word()}${at} = await ${word()}.${word()}(${word()}, "${word()} ${word()} ${word()}");\n`;
    }
    bytes += text.length;
    writeFileSync(join(parent, `${word()}-${at}.ts`), text);
  }
  return bytes;
}

/** Numbers from 0 to 1 that are the same in each run: mulberry32. */
function createRandom(): () => number {
  let state = 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function megabytes(bytes: number): string {
  return `${formatNumber(bytes / 1_000_000)} MB`;
}
