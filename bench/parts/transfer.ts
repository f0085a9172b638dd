// Transfers into an empty folder of one container: many small files, or a big one, in turns with the same bytes through
// `tar c | kubectl exec -i -- tar x`. After each turn, while the clock is stopped, the container's files are compared.
import { execFile, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { assertSame, contentInside, contentOfFolder, digestOf } from "../harness/content.ts";
import type { Content } from "../harness/content.ts";
import { openExec } from "../harness/exec-stream.ts";
import type { Figures } from "../report/figures.ts";
import { baseName } from "../harness/container-commands.ts";
import { cliArguments, startLibrary } from "../harness/kinsync-runs.ts";
import { now } from "../harness/observer.ts";
import { untilIdle } from "../harness/idle-machine.ts";
import { succeeded, within } from "../harness/measured-process.ts";
import { formatNumber, progress } from "../report/format.ts";
import { TABLES } from "../report/tables.ts";
import type { WayOf } from "../report/tables.ts";
import { shuffled } from "../harness/shuffle.ts";
import type { BenchCluster } from "../harness/bench-cluster.ts";

const execFileAsync = promisify(execFile);

type Transfer = "first-sync" | "big-file";

/** One way to transfer the files. */
interface Way {
  readonly way: WayOf<Transfer>;
  /** The expected content of the folder. */
  readonly content: Content;
  /** Prepares, while the clock is stopped, a transfer into the empty folder `to`. @returns the transfer, which is measured */
  readonly prepare: (to: string) => Promise<() => Promise<unknown>>;
}

/** Time limit of one transfer. */
const TRANSFER_LIMIT_MS = 300_000;
/** Of a measured program's output, which is returned only in its error. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const PER_FOLDER = 100;
const BIG = "big.bin";

/** @param options.files number of small files */
export async function measureFirstSync(
  cluster: BenchCluster,
  figures: Figures,
  options: { readonly files: number; readonly turns: number },
): Promise<void> {
  await withFolder(async (local) => {
    const bytes = createFiles(join(local, "src"), options.files);
    const files = options.files.toLocaleString("en-US");
    figures.note(
      "first-sync",
      `${files} files in folders of ${PER_FOLDER}, ${mebibytes(bytes)} in all, into one pod; milliseconds.`,
    );
    await measure(cluster, figures, "first-sync", local, options.turns);
  });
}

/** @param options.mebibytes size of the file of random bytes */
export async function measureBigFile(
  cluster: BenchCluster,
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
    await measure(cluster, figures, "big-file", local, options.turns);
  });
}

async function measure(
  cluster: BenchCluster,
  figures: Figures,
  table: Transfer,
  local: string,
  turns: number,
): Promise<void> {
  const group = await cluster.createGroup(1);
  const pod = group.pods[0] ?? "";
  const ways = waysOf(cluster, table, group.workload, pod, local);
  const variant = baseName(cluster.image);
  await untilIdle();
  for (let turn = 0; turn < turns; turn += 1) {
    for (const { way, content, prepare } of shuffled(ways)) {
      const name: string = { ...TABLES["first-sync"].ways, ...TABLES["big-file"].ways }[way];
      progress(`${table}, ${variant}, turn ${turn + 1} of ${turns}: ${name}`);
      const to = `bench/transfer-${turn}-${way}`;
      await execute(cluster, pod, ["mkdir", to]);
      const transfer = await prepare(to);
      const begun = now();
      await within(transfer(), TRANSFER_LIMIT_MS, name);
      figures.add(table, variant, way, { last: now() - begun });
      assertSame(await contentInside(cluster, pod, to), content, `${table}, ${name}, turn ${turn + 1}`);
      await execute(cluster, pod, ["rm", "-rf", to]);
    }
  }
  progress("");
}

function waysOf(cluster: BenchCluster, table: Transfer, workload: string, pod: string, local: string): readonly Way[] {
  const { kubeconfig, context, namespace, kubectl } = cluster;
  const source = join(local, "src");
  const content = contentOfFolder(source);
  const archive = archiveOf(source);
  const target = ["--kubeconfig", kubeconfig, "--context", context, "-n", namespace];
  const ways: Way[] = [
    {
      way: "floor",
      content: new Map([["floor", digestOf(archive)]]),
      prepare: async (to) => {
        const blocks = archive.length / BLOCK_BYTES;
        const receive = `dd bs=${BLOCK_BYTES} count=${blocks} iflag=fullblock of=${to}/floor 2>/dev/null`;
        // The shell stays: an exec ends when its process closes its standard output.
        const stream = await openExec(cluster, pod, ["sh", "-c", `echo ready; ${receive}; echo done; read -r end`]);
        const line = (): Promise<unknown> => {
          const output = new Promise((resolve) => {
            stream.onLine = resolve;
          });
          return Promise.race([output, stream.ended]);
        };
        await within(line(), TRANSFER_LIMIT_MS, "the start of a shell");
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
          await using _done = await startLibrary(cluster, { workloads: [{ workload, sync }] }, "once");
        }),
    },
    {
      way: "cli",
      content,
      prepare: (to) => {
        const args = [...cliArguments(cluster.form), "sync", workload, ...target, "--sync", `src:${to}`, "-o", "json"];
        return Promise.resolve(() =>
          execFileAsync(process.execPath, args, {
            cwd: local,
            timeout: TRANSFER_LIMIT_MS,
            maxBuffer: MAX_OUTPUT_BYTES,
          }),
        );
      },
    },
  ];
  if (kubectl === undefined) return ways;
  const shell = (way: Way["way"], script: (to: string) => string): Way => ({
    way,
    content,
    prepare: (to) =>
      Promise.resolve(() =>
        succeeded(
          spawn("sh", ["-c", script(to), "sh", ...kubectl], { stdio: "ignore", timeout: TRANSFER_LIMIT_MS }),
          way,
        ),
      ),
  });
  ways.push(shell("tar", (to) => `tar c -C '${source}' . | "$@" exec -i ${pod} -c main -- tar x -C ${to}`));
  if (table === "big-file") {
    ways.push(shell("cp", (to) => `exec "$@" cp '${source}/${BIG}' ${pod}:${to}/${BIG} -c main`));
  }
  return ways;
}

const BLOCK_BYTES = 64 * 1024;

/** The tar archive of a folder, padded to whole blocks. */
function archiveOf(folder: string): Uint8Array {
  const tar = execFileSync("tar", ["c", "-C", folder, "."], { maxBuffer: 1024 * 1024 * 1024 });
  return Buffer.concat([tar], Math.ceil(tar.length / BLOCK_BYTES) * BLOCK_BYTES);
}

async function execute(cluster: BenchCluster, pod: string, command: readonly string[]): Promise<void> {
  const stream = await openExec(cluster, pod, command);
  await within(stream.ended, TRANSFER_LIMIT_MS, command.join(" "));
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

/** Creates folders of many small texts, similar to sources. @returns their size in bytes */
function createFiles(folder: string, count: number): number {
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
  return `${formatNumber(bytes / 1024 / 1024)} MiB`;
}
