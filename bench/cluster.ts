// npm run bench:cluster: compares kinsync with kubectl on a real Kubernetes, and reports which goals are met. See README.md.
import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { openCluster, startCluster } from "../e2e/cluster/index.ts";
import { runInTerminal } from "../e2e/harness/command.ts";
import { HELP, parseClusterOptions } from "./harness/cluster-options.ts";

const ROOT = resolve(import.meta.dirname, "..");
const ID = "bench";
// Not imported: it imports the packages, which have to be built first.
const MEASURE = join(import.meta.dirname, "cluster-measure.ts");

const args = process.argv.slice(2);

async function main(): Promise<number> {
  const { help, kubeconfig } = parseClusterOptions(args);
  if (help) {
    process.stdout.write(HELP);
    return 0;
  }
  const build = ["npm", "run", "--silent", "build", "--", "--output-logs=errors-only"];
  const built = await runInTerminal(build, { env: process.env, cwd: ROOT });
  if (built !== 0) return built;
  const measure = [process.execPath, MEASURE, ...args];
  return kubeconfig === undefined ? runOnOwnCluster(measure) : runInTerminal(measure, { env: process.env, cwd: ROOT });
}

/** Starts a cluster and measures inside its node, where files of containers can be observed from outside the containers. */
async function runOnOwnCluster(measure: readonly string[]): Promise<number> {
  const ending = new AbortController();
  const stop = (signal: NodeJS.Signals): void => ending.abort(new Error(`stopped by ${signal}`));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  // A killed run may have left a cluster without running components.
  await (await openCluster({ id: ID }))?.down();
  const cluster = await startCluster({
    id: ID,
    jobset: false,
    report: (line) => process.stderr.write(`${line}\n`),
    signal: ending.signal,
  });
  try {
    ending.signal.throwIfAborted();
    const command = cluster.command([...measure, "--kubeconfig", cluster.kubeconfigInside], { cwd: ROOT });
    // Removed with the cluster, however the run ends.
    const TMPDIR = join(cluster.folder, "tmp");
    await mkdir(TMPDIR, { recursive: true });
    // The kubectl of the cluster's version comes first.
    const PATH = `${dirname(cluster.kubectl)}:${process.env["PATH"] ?? ""}`;
    return await runInTerminal(command, { env: { ...process.env, ...cluster.environment, PATH, TMPDIR }, cwd: ROOT });
  } finally {
    await cluster.down();
  }
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
});
