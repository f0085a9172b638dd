// The machine and the versions of a measurement.
import { cpus, loadavg, release, totalmem } from "node:os";
import { run } from "../../e2e/harness/command.ts";
import type { BenchCluster } from "../harness/bench-cluster.ts";

/** Name to value, in the order of the report. */
export type Environment = ReadonlyMap<string, string>;

interface NodeInfo {
  readonly kubeletVersion: string;
  readonly containerRuntimeVersion: string;
  readonly kernelVersion: string;
}

/** Reads the machine and the versions. To be called before the measurement: the load average is the current one. */
export async function readEnvironment(cluster: BenchCluster): Promise<Environment> {
  const nodes = await nodesOf(cluster);
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
      `${cluster.version}, ${nodes.length} ${nodes.length === 1 ? "node" : "nodes"}, kernel ${versions((info) => info.kernelVersion)}`,
    ],
    ["container runtime", versions((info) => info.containerRuntimeVersion)],
    ["kubectl", await kubectlVersion(cluster)],
  ]);
}

/** The tools in the image of a running pod, such as `BusyBox v1.35.0`. */
export async function toolsOf({ kubectl }: BenchCluster, pod: string): Promise<string> {
  if (kubectl === undefined) return "";
  const firstLine = async (...command: readonly string[]): Promise<string> => {
    const output = await run([...kubectl, "exec", pod, "-c", "main", "--", ...command]).catch(() => "");
    return output.split("\n")[0]?.replace(" multi-call binary.", "") ?? "";
  };
  return (
    (await firstLine("busybox")) || (await firstLine("tar", "--version")) || (await firstLine("python3", "--version"))
  );
}

async function nodesOf({ connection }: BenchCluster): Promise<readonly NodeInfo[]> {
  const response = await connection.request({ path: "/api/v1/nodes", signal: AbortSignal.timeout(10_000) });
  const { items } = (await response.json()) as { items: readonly { status: { nodeInfo: NodeInfo } }[] };
  return items.map(({ status }) => status.nodeInfo);
}

async function kubectlVersion({ kubectl }: BenchCluster): Promise<string> {
  const output = await run([kubectl?.[0] ?? "kubectl", "version", "--client", "-o", "json"]);
  return (JSON.parse(output) as { clientVersion: { gitVersion: string } }).clientVersion.gitVersion;
}

async function commit(): Promise<string> {
  const git = (...args: readonly string[]): Promise<string> =>
    run(["git", ...args], { cwd: import.meta.dirname }).catch(() => "");
  const name = (await git("rev-parse", "--short", "HEAD")).trim();
  const changed = (await git("status", "--porcelain", "--", "../../packages/*/src")).trim();
  return changed === "" ? name : `${name} with changes`;
}
