// node e2e/cluster/cli.ts: controls a real Kubernetes on this machine.

import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runInTerminal } from "../harness/command.ts";
import { ensurePrograms } from "./programs.ts";
import type { Cluster } from "./cluster.ts";
import { COMPONENTS } from "./control-plane.ts";
import { controllerNamed, CONTROLLERS } from "./controllers/index.ts";
import { openCluster, startCluster } from "./index.ts";
import { NODE_PATH } from "./node.ts";
import { clustersFolder } from "./state.ts";
import { copyLogs, listClusters, removeCluster, removeRemains } from "./teardown.ts";

const USAGE = `Usage: node e2e/cluster/cli.ts COMMAND [--id ID] [--folder DIR]

  up [--nodes N] [--no-jobset] [--node-image] [--no-install]
                                  start a cluster; no effect if it runs
  down [--all]                    remove it, including what a killed "up" left
  status                          list the running components
  logs --out DIR                  copy the logs of all components, also after an "up" that failed
  kubectl ARG...                  kubectl with an administrator's rights
  exec [--node NODE] COMMAND...   a command inside a node, with KUBECONFIG set
  build                           build the programs only
  controller NAME                 build and start a controller of another project: ${CONTROLLERS.map(({ name }) => name).join(", ")}
  controller NAME --stop          delete its CRDs with all their objects, and stop it

Options come before the first other word. Requires root and Debian. Default of ID: main.
`;

const OPTIONS = {
  id: { type: "string", default: "main" },
  folder: { type: "string" },
  cache: { type: "string" },
  nodes: { type: "string", default: "1" },
  node: { type: "string" },
  out: { type: "string" },
  all: { type: "boolean", default: false },
  "no-jobset": { type: "boolean", default: false },
  "node-image": { type: "boolean", default: false },
  "no-install": { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

type Flags = ReturnType<typeof parse>["flags"];

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  report(error instanceof Error ? error.message : String(error));
  return 1;
});

async function main([command = "", ...args]: readonly string[]): Promise<number> {
  const { flags, rest } = parse(args);
  if (flags.help || command === "--help" || command === "-h") {
    process.stdout.write(USAGE);
    return 0;
  }
  switch (command) {
    case "up":
      return up(flags);
    case "down":
      return down(flags);
    case "status":
      return status(await opened(flags));
    case "logs":
      return logs(flags);
    case "kubectl": {
      const { kubectl, environment } = await opened(flags);
      return runInTerminal([kubectl, ...rest], { env: { ...process.env, ...environment } });
    }
    case "exec":
      return exec(await opened(flags), rest, flags.node);
    case "build":
      await ensurePrograms({ cache: cacheOf(flags), report });
      return 0;
    case "controller":
      return controller(await opened(flags), rest, flags);
    default:
      process.stderr.write(USAGE);
      return 2;
  }
}

/** Separates the options before the first other word from the words of a command. */
function parse(args: readonly string[]) {
  const { tokens } = parseArgs({ args: [...args], options: OPTIONS, strict: false, tokens: true });
  const first = tokens.find((token) => token.kind !== "option");
  const end = first?.index ?? args.length;
  const { values } = parseArgs({ args: args.slice(0, end), options: OPTIONS });
  return { flags: values, rest: args.slice(first?.kind === "option-terminator" ? end + 1 : end) };
}

async function up(flags: Flags): Promise<number> {
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => ending.abort(new Error(`stopped by ${signal}`)));
  }
  const cluster = await startCluster({
    ...where(flags),
    ...(flags.cache === undefined ? {} : { cache: flags.cache }),
    nodes: Number(flags.nodes),
    jobset: !flags["no-jobset"],
    install: !flags["no-install"],
    nodeImage: flags["node-image"],
    report,
    signal: ending.signal,
  });
  process.stdout.write(`export KUBECONFIG=${cluster.kubeconfig}\n`);
  return 0;
}

async function down(flags: Flags): Promise<number> {
  const folder = clustersFolder(flags.folder);
  for (const id of flags.all ? await listClusters(folder) : [flags.id]) {
    await removeCluster(join(folder, id));
    await removeRemains(join(folder, id));
  }
  return 0;
}

async function logs({ id, folder, out }: Flags): Promise<number> {
  if (out === undefined) throw new Error("the folder is missing: logs --out DIR");
  if (await copyLogs(join(clustersFolder(folder), id), out)) return 0;
  throw new Error(`the cluster ${id} has no logs`);
}

async function status(cluster: Cluster): Promise<number> {
  const lines = [`${cluster.id}: KUBECONFIG=${cluster.kubeconfig}`];
  for (const [index, node] of cluster.nodes.entries()) {
    for (const component of COMPONENTS) {
      if (index > 0 && component !== "containerd" && component !== "kubelet") continue;
      const pid = await cluster.pidOfComponent(component, { node });
      lines.push(`${node} ${component.padEnd(18)} ${pid === undefined ? "does not run" : `process ${pid}`}`);
    }
  }
  process.stdout.write(`${lines.join("\n")}\n`);
  return 0;
}

function exec(cluster: Cluster, argv: readonly string[], node: string | undefined): Promise<number> {
  if (argv.length === 0) throw new Error("exec needs a command");
  const isFirst = node === undefined || node === cluster.nodes[0];
  const env = {
    ...process.env,
    ...cluster.environment,
    PATH: `${process.env.PATH ?? NODE_PATH}:${join(cluster.kubectl, "..")}`,
    ...(isFirst ? { KUBECONFIG: cluster.kubeconfigInside } : {}),
  };
  const place = { cwd: process.cwd(), ...(node === undefined ? {} : { node }) };
  return runInTerminal(cluster.command(argv, place), { env });
}

/** Starts a controller, or stops it if the last word is `--stop`. */
async function controller(cluster: Cluster, [name, option]: readonly string[], flags: Flags): Promise<number> {
  if (name === undefined) throw new Error("the name is missing: controller NAME");
  if (option === "--stop") await cluster.stopController(controllerNamed(name));
  else await cluster.startController(controllerNamed(name), { cache: cacheOf(flags), report });
  return 0;
}

function cacheOf({ cache }: Flags): string {
  return cache ?? join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "kinsync-e2e");
}

async function opened(flags: Flags): Promise<Cluster> {
  const cluster = await openCluster(where(flags));
  if (cluster === undefined)
    throw new Error(`the cluster ${flags.id} does not run. Start it: \`node e2e/cluster/cli.ts up\``);
  return cluster;
}

function where({ id, folder }: Flags): { readonly id: string; readonly folder?: string } {
  return folder === undefined ? { id } : { id, folder };
}

function report(line: string): void {
  process.stderr.write(`${line}\n`);
}
