// First sync of many files into a container that has none of them, against the same files through `tar c | kubectl exec -i -- tar x`.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openExec } from "./exec.ts";
import { cli, startLibrary } from "./kinsync.ts";
import { now } from "./observer.ts";
import { run, succeeded } from "./process.ts";
import { median, progress, ratio, say, shown, table, verdict } from "./report.ts";
import type { World } from "./world.ts";

const PER_FOLDER = 100;

export async function benchFirstSync(
  world: World,
  options: { readonly files: number; readonly turns: number },
): Promise<void> {
  const local = mkdtempSync(join(tmpdir(), "kinsync-bench-"));
  try {
    const bytes = makeFiles(join(local, "src"), options.files);
    const group = await world.group(1);
    const pod = group.pods[0] ?? "";
    const { kubeconfig, context, namespace, kubectl } = world;
    const target = ["--kubeconfig", kubeconfig, "--context", context, "-n", namespace];
    const ways: readonly (readonly [name: string, carry: (to: string) => Promise<unknown>])[] = [
      ["the same bytes into one open exec (floor)", () => floor(world, pod, local)],
      ...(kubectl === undefined
        ? []
        : [
            [
              TAR,
              (to: string) => {
                const script = `tar c -C '${local}/src' . | "$@" exec -i ${pod} -c main -- sh -c 'mkdir -p ${to} && tar x -C ${to}'`;
                return succeeded(spawn("sh", ["-c", script, "sh", ...kubectl], { stdio: "ignore" }), TAR);
              },
            ] as const,
          ]),
      [
        "kinsync (library), once",
        async (to) => {
          const sync = [{ from: join(local, "src"), to }];
          await using _done = await startLibrary(world, { workloads: [{ target: group.workload, sync }] }, "once");
        },
      ],
      [
        SYNC,
        (to) =>
          run(
            process.execPath,
            [...cli(world.form), "sync", group.workload, ...target, "--sync", `src:${to}`, "-o", "json"],
            {
              cwd: local,
            },
          ),
      ],
    ];
    const times = new Map<string, number[]>(ways.map(([name]) => [name, []]));
    for (let turn = 0; turn < options.turns; turn += 1) {
      for (const [at, [name, carry]] of ways.entries()) {
        progress(`first sync, turn ${turn + 1} of ${options.turns}: ${name}`);
        const to = `bench/first-${turn}-${at}`;
        const begun = now();
        await carry(to);
        times.get(name)?.push(now() - begun);
        await remove(world, pod, to);
      }
    }
    progress("");
    const of = (name: string): number => median(times.get(name) ?? []);
    const [floorName] = ways[0] ?? [""];
    say(
      `\nFirst sync of ${options.files} files, ${shown(bytes / 1024 / 1024)} MiB, into one pod, ms, median of ${options.turns}\n`,
    );
    const rows = ways.map(([name]) => [
      name,
      shown(of(name)),
      ratio(of(name), of(floorName)),
      ratio(of(name), of(TAR)),
    ]);
    say(table(["", "ms", "of the floor", "of tar into kubectl exec"], rows));
    say("");
    if (kubectl !== undefined) say(verdict(`${SYNC} / ${TAR}`, of(SYNC) / of(TAR), 1.5, (value) => `${shown(value)}x`));
  } finally {
    rmSync(local, { recursive: true, force: true });
  }
}

const TAR = "tar c into kubectl exec -i -- tar x";
const SYNC = "kinsync sync (CLI, with its start)";

async function floor(world: World, pod: string, local: string): Promise<void> {
  const tar = execFileSync("tar", ["c", "-C", join(local, "src"), "."], { maxBuffer: 1024 * 1024 * 1024 });
  const blocks = Math.ceil(tar.length / BLOCK);
  // The shell stays: an exec whose process closes its standard output is over.
  const script = `dd bs=${BLOCK} count=${blocks} iflag=fullblock of=/dev/null 2>/dev/null; :`;
  const stream = await openExec(world, pod, ["sh", "-c", script]);
  stream.send(Buffer.concat([tar], blocks * BLOCK));
  await stream.ended;
  stream.close();
}

const BLOCK = 64 * 1024;

async function remove(world: World, pod: string, path: string): Promise<void> {
  const stream = await openExec(world, pod, ["rm", "-rf", path]);
  await stream.ended;
  stream.close();
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
