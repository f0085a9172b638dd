// npm run bench:cluster: kinsync on a real Kubernetes, against what a user would do instead, and which goals are met. See README.md.
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { openCluster, startCluster } from "../e2e/cluster/index.ts";
import { HELP, parseClusterOptions } from "./harness/cluster-options.ts";

const ROOT = resolve(import.meta.dirname, "..");
const ID = "bench";
// Not imported: it needs the packages, which are built first.
const MEASURE = join(import.meta.dirname, "cluster-measure.ts");

const args = process.argv.slice(2);

async function main(): Promise<number> {
  const { help, kubeconfig } = parseClusterOptions(args);
  if (help) {
    process.stdout.write(HELP);
    return 0;
  }
  const built = await inherit(["npm", "run", "--silent", "build", "--", "--output-logs=errors-only"], process.env);
  if (built !== 0) return built;
  const measure = [process.execPath, MEASURE, ...args];
  return kubeconfig === undefined ? onClusterOfItsOwn(measure) : inherit(measure, process.env);
}

/** Inside of its node, so that the moment at which bytes are visible can be seen from outside the containers. */
async function onClusterOfItsOwn(measure: readonly string[]): Promise<number> {
  const ending = new AbortController();
  const stop = (signal: NodeJS.Signals): void => ending.abort(new Error(`ended by ${signal}`));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  // A killed run may have left one whose parts do not run.
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
    // Goes away with the cluster, however the run ends.
    const TMPDIR = join(cluster.folder, "tmp");
    await mkdir(TMPDIR, { recursive: true });
    // Its own kubectl before others: of the cluster's version.
    const PATH = `${dirname(cluster.kubectl)}:${process.env["PATH"] ?? ""}`;
    return await inherit(command, { ...process.env, ...cluster.environment, PATH, TMPDIR });
  } finally {
    await cluster.down();
  }
}

/** Runs a program on this terminal to its end. Ctrl-C reaches it too; it is waited for. */
async function inherit(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [file = "", ...rest] = argv;
  const child = spawn(file, rest, { stdio: "inherit", env, cwd: ROOT });
  const ignore = (): void => {};
  const forward = (): void => void child.kill("SIGTERM");
  process.on("SIGINT", ignore);
  process.on("SIGTERM", forward);
  const ended = Promise.withResolvers<number>();
  child.once("error", ended.reject);
  child.once("close", (code) => ended.resolve(code ?? 1));
  try {
    return await ended.promise;
  } finally {
    process.off("SIGINT", ignore);
    process.off("SIGTERM", forward);
  }
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
});
