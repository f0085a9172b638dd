// From nothing to everything: many small files, or one big one, into an empty folder of one container, in turns with the same bytes
// through `tar c | kubectl exec -i -- tar x`. After each turn, with the clock stopped, the container's files are compared.
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertSame, contentInside, contentOfFolder, digestOf } from "../harness/content.ts";
import type { Content } from "../harness/content.ts";
import { openExec } from "../harness/exec-stream.ts";
import type { Figures } from "../report/figures.ts";
import { baseName } from "../harness/container-commands.ts";
import { cli, startLibrary } from "../harness/kinsync-runs.ts";
import { now } from "../harness/observer.ts";
import { run, succeeded, within } from "../harness/process.ts";
import { untilQuiet } from "../harness/idle-machine.ts";
import { progress, shown } from "../report/format.ts";
import { TABLES } from "../report/tables.ts";
import type { WayOf } from "../report/tables.ts";
import { shuffled } from "../harness/shuffle.ts";
import type { World } from "../harness/bench-cluster.ts";

type Transfer = "first-sync" | "big-file";

/** One way to get the files there. */
interface Way {
  readonly way: WayOf<Transfer>;
  /** What will be in the folder. */
  readonly content: Content;
  /** Gets ready, with the clock stopped, to fill the empty folder `to` of the container; what it gives is measured. */
  readonly prepare: (to: string) => Promise<() => Promise<unknown>>;
}

/** Milliseconds that one transfer may take. */
const LIMIT = 300_000;
const PER_FOLDER = 100;
const BIG = "big.bin";

/** @param options.files how many small files */
export async function measureFirstSync(
  world: World,
  figures: Figures,
  options: { readonly files: number; readonly turns: number },
): Promise<void> {
  await withFolder(async (local) => {
    const bytes = makeFiles(join(local, "src"), options.files);
    const files = options.files.toLocaleString("en-US");
    figures.note(
      "first-sync",
      `${files} files in folders of ${PER_FOLDER}, ${mebibytes(bytes)} in all, into one pod; milliseconds.`,
    );
    await measure(world, figures, "first-sync", local, options.turns);
  });
}

/** @param options.mebibytes size of the file, which is random bytes */
export async function measureBigFile(
  world: World,
  figures: Figures,
  options: { readonly mebibytes: number; readonly turns: number },
): Promise<void> {
  await withFolder(async (local) => {
    const bytes = options.mebibytes * 1024 * 1024;
    mkdirSync(join(local, "src"));
    writeFileSync(join(local, "src", BIG), randomBytes(bytes));
    figures.note(
      "big-file",
      `One file of ${mebibytes(bytes)}, random bytes, into an empty folder of one pod; milliseconds.`,
    );
    await measure(world, figures, "big-file", local, options.turns);
  });
}

async function measure(world: World, figures: Figures, table: Transfer, local: string, turns: number): Promise<void> {
  const group = await world.group(1);
  const pod = group.pods[0] ?? "";
  const ways = waysOf(world, table, group.workload, pod, local);
  const variant = baseName(world.image);
  await untilQuiet();
  for (let turn = 0; turn < turns; turn += 1) {
    for (const { way, content, prepare } of shuffled(ways)) {
      const name: string = { ...TABLES["first-sync"].ways, ...TABLES["big-file"].ways }[way];
      progress(`${table}, ${variant}, turn ${turn + 1} of ${turns}: ${name}`);
      const to = `bench/transfer-${turn}-${way}`;
      await execute(world, pod, ["mkdir", to]);
      const carry = await prepare(to);
      const begun = now();
      await within(carry(), LIMIT, name);
      figures.add(table, variant, way, { last: now() - begun });
      assertSame(await contentInside(world, pod, to), content, `${table}, ${name}, turn ${turn + 1}`);
      await execute(world, pod, ["rm", "-rf", to]);
    }
  }
  progress("");
}

function waysOf(world: World, table: Transfer, workload: string, pod: string, local: string): readonly Way[] {
  const { kubeconfig, context, namespace, kubectl } = world;
  const source = join(local, "src");
  const content = contentOfFolder(source);
  const archive = archiveOf(source);
  const target = ["--kubeconfig", kubeconfig, "--context", context, "-n", namespace];
  const ways: Way[] = [
    {
      way: "floor",
      content: new Map([["floor", digestOf(archive)]]),
      prepare: async (to) => {
        const blocks = archive.length / BLOCK;
        // The shell stays: an exec whose process closes its standard output is over.
        const receive = `dd bs=${BLOCK} count=${blocks} iflag=fullblock of=${to}/floor 2>/dev/null`;
        // The shell stays: an exec whose process closes its standard output is over.
        const stream = await openExec(world, pod, ["sh", "-c", `echo ready; ${receive}; echo done; read -r end`]);
        const line = (): Promise<unknown> => {
          const said = new Promise((resolve) => {
            stream.onLine = resolve;
          });
          return Promise.race([said, stream.ended]);
        };
        await within(line(), LIMIT, "the start of a shell");
        const send = stream.prepare(archive);
        return async () => {
          const done = line();
          send();
          await done;
          stream.close();
        };
      },
    },
    {
      way: "library",
      content,
      prepare: (to) =>
        Promise.resolve(async () => {
          const sync = [{ from: source, to }];
          await using _done = await startLibrary(world, { workloads: [{ workload: workload, sync }] }, "once");
        }),
    },
    {
      way: "cli",
      content,
      prepare: (to) => {
        const args = [...cli(world.form), "sync", workload, ...target, "--sync", `src:${to}`, "-o", "json"];
        return Promise.resolve(() => run(process.execPath, args, { cwd: local, timeout: LIMIT }));
      },
    },
  ];
  if (kubectl === undefined) return ways;
  const shell = (way: Way["way"], script: (to: string) => string): Way => ({
    way,
    content,
    prepare: (to) =>
      Promise.resolve(() =>
        succeeded(spawn("sh", ["-c", script(to), "sh", ...kubectl], { stdio: "ignore", timeout: LIMIT }), way),
      ),
  });
  ways.push(shell("tar", (to) => `tar c -C '${source}' . | "$@" exec -i ${pod} -c main -- tar x -C ${to}`));
  if (table === "big-file") {
    ways.push(shell("cp", (to) => `exec "$@" cp '${source}/${BIG}' ${pod}:${to}/${BIG} -c main`));
  }
  return ways;
}

const BLOCK = 64 * 1024;

/** What tar makes of a folder, filled up to whole blocks. */
function archiveOf(folder: string): Uint8Array {
  const tar = execFileSync("tar", ["c", "-C", folder, "."], { maxBuffer: 1024 * 1024 * 1024 });
  return Buffer.concat([tar], Math.ceil(tar.length / BLOCK) * BLOCK);
}

async function execute(world: World, pod: string, command: readonly string[]): Promise<void> {
  const stream = await openExec(world, pod, command);
  await within(stream.ended, LIMIT, command.join(" "));
  stream.close();
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "kinsync-bench-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Like sources: folders of many small texts. Gives their bytes. */
function makeFiles(folder: string, count: number): number {
  let bytes = 0;
  for (let at = 0; at < count; at += 1) {
    const parent = join(folder, `part-${Math.floor(at / PER_FOLDER)}`);
    if (at % PER_FOLDER === 0) mkdirSync(parent, { recursive: true });
    const text = `export const value${at} = ${at};\n`.repeat(10 + ((at * 37) % 100));
    bytes += text.length;
    writeFileSync(join(parent, `module-${at}.ts`), text);
  }
  return bytes;
}

function mebibytes(bytes: number): string {
  return `${shown(bytes / 1024 / 1024)} MiB`;
}
