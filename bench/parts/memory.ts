// Memory of `kinsync up` and of its agents in the containers, at rest and after many saves.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { agentProcesses } from "../harness/agent-processes.ts";
import { configOf, startCli } from "../harness/kinsync-runs.ts";
import { createObserver } from "../harness/observer.ts";
import { run } from "../../e2e/harness/command.ts";
import { end } from "../harness/measured-process.ts";
import { formatNumber, median, print, progress, ratio, table } from "../report/format.ts";
import type { BenchCluster } from "../harness/bench-cluster.ts";

const FILES = 1_000;
/** Time after which the memory of a process is read. */
const SETTLE_MS = 2_000;

export async function benchMemory(
  cluster: BenchCluster,
  options: { readonly pods: number; readonly saves: number },
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "kinsync-bench-"));
  try {
    const group = await cluster.createGroup(options.pods);
    const source = join(folder, "src");
    mkdirSync(source);
    for (let at = 0; at < FILES; at += 1) writeFileSync(join(source, `other-${at}.txt`), `${at}\n`.repeat(500));
    const configFile = join(folder, "kinsync.config.json");
    writeFileSync(configFile, JSON.stringify(configOf([group.workload], "cli", () => source)));
    const files = group.pods.map((pod) => ({ pod, folder: "bench/cli", name: "live.txt" }));
    await using observer = await createObserver(cluster, files);
    const idle = await idleNode();
    await using running = await startCli(cluster, configFile, 1);
    const pid = running.pid ?? 0;
    await delay(SETTLE_MS);
    const ready = await residentOf(pid);
    for (let save = 1; save <= options.saves; save += 1) {
      progress(`memory: save ${save} of ${options.saves}`);
      writeFileSync(join(source, "live.txt"), `save-${save}\n${"x".repeat(4000)}`);
      await observer.until(files, `save-${save}`);
    }
    await delay(SETTLE_MS);
    const after = await residentOf(pid);
    progress("");
    print(`\nMemory of kinsync up, MiB resident, ${options.pods} pods, ${FILES} files of 2 KB\n`);
    print(
      table(
        ["", "MiB", "of an idle node"],
        [
          ["an idle node", formatNumber(idle), "1.00x"],
          ["kinsync up, everything synced", formatNumber(ready), ratio(ready, idle)],
          [`the same after ${options.saves} saves`, formatNumber(after), ratio(after, idle)],
          ["the agent in a container, median", formatNumber(median(await agents(group.pods))), ""],
        ],
      ),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function idleNode(): Promise<number> {
  const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"], { stdio: "ignore" });
  await delay(500);
  const resident = await residentOf(child.pid ?? 0);
  await end(child, "SIGKILL");
  return resident;
}

async function residentOf(pid: number): Promise<number> {
  return Number(await run(["ps", "-o", "rss=", "-p", String(pid)])) / 1024;
}

/** Memory of the agents in these pods. */
async function agents(pods: readonly string[]): Promise<readonly number[]> {
  const resident = await Promise.all((await agentProcesses(pods)).map((pid) => residentOf(pid).catch(() => undefined)));
  return resident.filter((each) => each !== undefined);
}
