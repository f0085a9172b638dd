// What a measurement was made with.
import { cpus, loadavg, release, totalmem } from "node:os";
import { run } from "../harness/process.ts";
import type { World } from "../harness/bench-cluster.ts";

/** Name -> what it is, in the order in which it is told. */
export type Circumstances = ReadonlyMap<string, string>;

interface NodeInfo {
  readonly kubeletVersion: string;
  readonly containerRuntimeVersion: string;
  readonly kernelVersion: string;
}

/** The machine and the versions. Loads are those of now: ask before anything is measured. */
export async function circumstances(world: World): Promise<Circumstances> {
  const nodes = await nodesOf(world);
  const versions = (of: (info: NodeInfo) => string): string => [...new Set(nodes.map(of))].join(", ");
  const [cpu] = cpus();
  const memory = `${(totalmem() / 1024 ** 3).toFixed(1)} GiB`;
  return new Map([
    ["date", new Date().toISOString().slice(0, 10)],
    ["commit", await commit()],
    [
      "machine of kinsync",
      `${cpu?.model.trim() ?? "?"}, ${cpus().length} cores, ${memory} of memory, kernel ${release()}`,
    ],
    [
      "its load average before",
      loadavg()
        .map((load) => load.toFixed(2))
        .join(", "),
    ],
    ["Node.js", process.versions.node],
    [
      "Kubernetes",
      `${world.version}, ${nodes.length} ${nodes.length === 1 ? "node" : "nodes"}, kernel ${versions((info) => info.kernelVersion)}`,
    ],
    ["container runtime", versions((info) => info.containerRuntimeVersion)],
    ["kubectl", await kubectlVersion(world)],
  ]);
}

/** What the image of a running pod has to work with, such as `BusyBox v1.35.0`. */
export async function toolsOf(world: World, pod: string): Promise<string> {
  if (world.kubectl === undefined) return "";
  const [file, ...args] = world.kubectl;
  const ask = async (...command: readonly string[]): Promise<string> => {
    const said = await run(file, [...args, "exec", pod, "-c", "main", "--", ...command]).catch(() => "");
    return said.split("\n")[0]?.replace(" multi-call binary.", "") ?? "";
  };
  return (await ask("busybox")) || (await ask("tar", "--version")) || (await ask("python3", "--version"));
}

async function nodesOf({ cluster }: World): Promise<readonly NodeInfo[]> {
  const answer = await cluster.request({ path: "/api/v1/nodes", signal: AbortSignal.timeout(10_000) });
  const { items } = (await answer.json()) as { items: readonly { status: { nodeInfo: NodeInfo } }[] };
  return items.map(({ status }) => status.nodeInfo);
}

async function kubectlVersion({ kubectl }: World): Promise<string> {
  const said = await run(kubectl?.[0] ?? "kubectl", ["version", "--client", "-o", "json"]);
  return (JSON.parse(said) as { clientVersion: { gitVersion: string } }).clientVersion.gitVersion;
}

async function commit(): Promise<string> {
  const git = (...args: readonly string[]): Promise<string> =>
    run("git", args, { cwd: import.meta.dirname }).catch(() => "");
  const name = (await git("rev-parse", "--short", "HEAD")).trim();
  const changed = (await git("status", "--porcelain", "--", "../../packages/*/src")).trim();
  return changed === "" ? name : `${name} with changes`;
}
