// CPU that one save takes in each container, and in kinsync for each of them, by agent.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { exec, type Runtime } from "@kinsync/transport-exec";
import { agentProcesses, cpuOf } from "../harness/agent-processes.ts";
import type { BenchCluster } from "../harness/bench-cluster.ts";
import { configOf, startLibrary } from "../harness/kinsync-runs.ts";
import { formatNumber, print, progress, table } from "../report/format.ts";

const AGENTS: readonly Runtime[] = ["sh", "python3", "node"];
const BYTES = 4096;
/** Between two saves, as of a person. Soon after each other, the `sh` agent has to make modification times grow. */
const PAUSE_MS = 3_000;
const LIMIT_MS = 30_000;

/** Each agent that the cluster's image has. The pods must run on this machine. */
export async function benchAgents(
  cluster: BenchCluster,
  options: { readonly pods: number; readonly saves: number },
): Promise<void> {
  const { workload, pods } = await cluster.createGroup(options.pods);
  const rows: (readonly string[])[] = [];
  for (const agent of AGENTS) {
    const row = await measureAgent(cluster, { agent, workload, pods, saves: options.saves });
    if (row !== undefined) rows.push(row);
  }
  progress("");
  print(`\nCPU of one save of ${BYTES} bytes, ms for each of ${options.pods} containers\n`);
  print(table(["agent", "in the container", "in kinsync"], rows));
}

interface Measurement {
  readonly agent: Runtime;
  readonly workload: string;
  readonly pods: readonly string[];
  readonly saves: number;
}

/** `undefined`: the image cannot run this agent. */
async function measureAgent(
  cluster: BenchCluster,
  { agent, workload, pods, saves }: Measurement,
): Promise<readonly string[] | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "kinsync-bench-"));
  try {
    const file = join(folder, "live.txt");
    writeFileSync(file, "");
    let held = 0;
    let onHeld = (): void => {};
    const config = configOf([workload], agent, () => folder);
    await using _running = await startLibrary(cluster, config, "watch", {
      transport: exec({ agents: [agent] }),
      onEvent: (event) => {
        if (event.event !== "synced" || event.files !== 1) return;
        held += 1;
        if (held === pods.length) onHeld();
      },
    });
    const save = async (content: string): Promise<void> => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const limit = setTimeout(
        () => reject(new Error(`only ${held} of ${pods.length} containers got a save`)),
        LIMIT_MS,
      );
      held = 0;
      onHeld = resolve;
      writeFileSync(file, content.padEnd(BYTES, "."));
      await promise.finally(() => clearTimeout(limit));
    };
    await save("first");
    const processes = await agentProcesses(pods);
    if (processes.length < pods.length) throw new Error(`only ${processes.length} agents of ${pods.length} were found`);
    const [inContainers, here] = [await cpuOf(processes), process.cpuUsage()];
    for (let round = 1; round <= saves; round += 1) {
      progress(`agents: ${agent}, save ${round} of ${saves}`);
      await delay(PAUSE_MS);
      await save(String(round));
    }
    const { user, system } = process.cpuUsage(here);
    const each = saves * pods.length;
    const container = ((await cpuOf(processes)) - inContainers) / each;
    return [agent, formatNumber(container), formatNumber((user + system) / 1000 / each)];
  } catch (error) {
    print(`${agent}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
