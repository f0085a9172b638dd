// node e2e/cluster/cli.ts: a real Kubernetes on this machine, by hand.

import { spawn } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensurePrograms } from "./programs.ts";
import type { Cluster } from "./cluster.ts";
import { COMPONENTS } from "./control-plane.ts";
import { openCluster, startCluster } from "./index.ts";
import { NODE_PATH } from "./node.ts";
import { clustersFolder } from "./state.ts";
import { copyLogs, listClusters, takeAway, takeAwayRest } from "./teardown.ts";

const USAGE = `Usage: node e2e/cluster/cli.ts COMMAND [--id ID] [--folder DIR]

  up [--nodes N] [--no-jobset] [--node-image] [--no-install]
                                  bring up a cluster; no harm where it is up
  down [--all]                    take it away, also what a killed "up" left behind
  status                          what runs
  logs --out DIR                  copy the logs of all components, also after an "up" that failed
  kubectl ARG...                  kubectl with an administrator's rights
  exec [--node NODE] COMMAND...   a command inside a node, with KUBECONFIG set
  build                           build the programs only

Options come before the first other word. Needs root and Debian. ID is "main" by default.
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
  say(error instanceof Error ? error.message : String(error));
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
      return inherit([kubectl, ...rest], { ...process.env, ...environment });
    }
    case "exec":
      return exec(await opened(flags), rest, flags.node);
    case "build":
      await ensurePrograms({
        cache: flags.cache ?? join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "kinsync-e2e"),
        report: say,
      });
      return 0;
    default:
      process.stderr.write(USAGE);
      return 2;
  }
}

/** The options before the first other word; all words from there on belong to somebody else. */
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
    process.once(signal, () => ending.abort(new Error(`ended by ${signal}`)));
  }
  const cluster = await startCluster({
    ...where(flags),
    ...(flags.cache === undefined ? {} : { cache: flags.cache }),
    nodes: Number(flags.nodes),
    jobset: !flags["no-jobset"],
    install: !flags["no-install"],
    nodeImage: flags["node-image"],
    report: say,
    signal: ending.signal,
  });
  process.stdout.write(`export KUBECONFIG=${cluster.kubeconfig}\n`);
  return 0;
}

async function down(flags: Flags): Promise<number> {
  const folder = clustersFolder(flags.folder);
  for (const id of flags.all ? await listClusters(folder) : [flags.id]) {
    await takeAway(join(folder, id));
    await takeAwayRest(join(folder, id));
  }
  return 0;
}

async function logs({ id, folder, out }: Flags): Promise<number> {
  if (out === undefined) throw new Error("where to? logs --out DIR");
  if (await copyLogs(join(clustersFolder(folder), id), out)) return 0;
  throw new Error(`there are no logs of a cluster ${id}`);
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
  return inherit(cluster.command(argv, place), env);
}

async function opened(flags: Flags): Promise<Cluster> {
  const cluster = await openCluster(where(flags));
  if (cluster === undefined) throw new Error(`no cluster ${flags.id} is up; bring it up: node e2e/cluster/cli.ts up`);
  return cluster;
}

function where({ id, folder }: Flags): { readonly id: string; readonly folder?: string } {
  return folder === undefined ? { id } : { id, folder };
}

/** Runs a program with this one's input and output to its end; gives its exit code. */
async function inherit(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [file = "", ...args] = argv;
  const child = spawn(file, args, { stdio: "inherit", env });
  // A terminal tells both.
  const leave = () => {};
  process.on("SIGINT", leave);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
