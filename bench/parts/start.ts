// The time until the CLI prints its first output, against a Node that does nothing.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cliArguments, clusterArguments } from "../harness/kinsync-runs.ts";
import { now } from "../harness/observer.ts";
import { end } from "../harness/measured-process.ts";
import { formatNumber, median, print, progress, quantile, ratio, table, verdict } from "../report/format.ts";
import type { BenchCluster } from "../harness/bench-cluster.ts";

const GOAL_MS = 300;

export async function benchStart(cluster: BenchCluster, turns: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "kinsync-bench-"));
  try {
    mkdirSync(join(folder, "src"));
    writeFileSync(join(folder, "src", "a.txt"), "a\n");
    const { workload } = await cluster.createGroup(1);
    const up = ["up", workload, ...clusterArguments(cluster), "--sync", "src:bench/start"];
    const forms = (["source", "built"] as const).filter((form) => existsSync(cliArguments(form).at(-1) ?? ""));
    const ways: readonly (readonly [name: string, run: () => Promise<number>])[] = [
      [IDLE_NODE, () => timeToEnd(["-e", "0"], folder)],
      ...forms.flatMap((form) => [
        [`--help, to its end (${form})`, () => timeToEnd([...cliArguments(form), "--help"], folder)] as const,
        [`up, first line (${form})`, () => timeToText([...cliArguments(form), ...up], folder, "")] as const,
        [
          `up, everything synced (${form})`,
          () => timeToText([...cliArguments(form), ...up, "-o", "json"], folder, '"event":"ready"'),
        ] as const,
      ]),
    ];
    const times = new Map<string, number[]>(ways.map(([name]) => [name, []]));
    for (let turn = 0; turn < turns; turn += 1) {
      for (const [name, run] of ways) {
        progress(`start, turn ${turn + 1} of ${turns}: ${name}`);
        times.get(name)?.push(await run());
      }
    }
    progress("");
    const of = (name: string): readonly number[] => times.get(name) ?? [];
    print(`\nStart of the CLI, ms, ${turns} turns; built: as it is published, source: types stripped at each start\n`);
    const rows = ways.map(([name]) => [
      name,
      formatNumber(median(of(name))),
      formatNumber(quantile(of(name), 0.95)),
      ratio(median(of(name)), median(of(IDLE_NODE))),
    ]);
    print(table(["", "median", "p95", "of an idle node"], rows));
    print("");
    const form = forms.at(-1) ?? "source";
    for (const what of [`--help, to its end (${form})`, `up, first line (${form})`]) {
      print(verdict(what, median(of(what)), GOAL_MS));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const IDLE_NODE = "node -e 0";

async function timeToEnd(args: readonly string[], cwd: string): Promise<number> {
  const begun = now();
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], cwd });
  child.stdout.resume();
  await once(child, "exit");
  return now() - begun;
}

async function timeToText(args: readonly string[], cwd: string, text: string): Promise<number> {
  const begun = now();
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], cwd });
  let output = "";
  const time = await new Promise<number>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      if (output.includes(text)) resolve(now() - begun);
    });
    child.once("exit", () => reject(new Error(`kinsync ${args.join(" ")} ended before it printed ${text}: ${output}`)));
  });
  await end(child, "SIGINT");
  return time;
}
