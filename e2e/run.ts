// npm run e2e: runs the situations of e2e/situations on the cluster of KUBECONFIG, on a playground, or on a cluster of its own.
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { ParseArgsOptionsConfig } from "node:util";
import { controllerNamed, CONTROLLERS } from "./cluster/controllers/index.ts";
import { execute, run, runInTerminal } from "./harness/command.ts";
import { EXPIRY_ANNOTATION, RUN_LABEL, SPARE_TAINT } from "./harness/labels.ts";
import { packedCli } from "./harness/packed-cli.ts";
import { settingsToEnvironment } from "./harness/settings.ts";
import type { Settings } from "./harness/settings.ts";
import { ensurePackages, NODE_PACKAGES } from "./images/debian-packages.ts";
import { readImageMap } from "./images/image-map.ts";

/** The controllers of Kubernetes itself, among those of other projects: they run always. */
const CONTROL_PLANE = "kubernetes";

/** Time limit for a cluster or a controller that is built first. */
const BUILD_LIMIT_MS = 1_800_000;

const ROOT = resolve(import.meta.dirname, "..");

const HELP = `npm run e2e -- [OPTIONS] [FILTER...] [-- VITEST OPTIONS]

Runs the situations with the packed kinsync, as a black box. FILTER is a part of a file's name.

  --playground   on the embedded cluster
  --local        on a real cluster of its own, which is started and removed again (root, Debian)
                 Default: on the cluster of KUBECONFIG; only namespaces of this run are changed
  --controllers  with --local: the situations of controllers of other projects instead, one controller after the other.
                 FILTER is the name of a controller then; default: all. Builds them the first time
  --controller NAME  only the situations of this controller, on a cluster where it runs
  --cli FILE     test this kinsync; default: the packages are packed and installed into a cache folder
  --source       test the sources
  --control      permit killing processes of the node and creating CRDs: run inside the node, as root, on a cluster without other users
  --complete     fail if a situation is skipped; included in --local
  --write-docs   with --playground: write the skipped situations into its page
  --images FILE  JSON, a reference for each image, { "busybox": "registry.example/busybox:1" }; others are localhost/NAME:1.
                 Default: the variable KINSYNC_E2E_IMAGES. "node e2e/images/cli.ts" builds them and loads them into kind
  --record       write the histories of situations that state truths, and passed, into packages/kind-*/test/histories
  --logs DIR     folder for the logs of all components if --local fails; default: e2e-logs
  --pack         only pack, and print the path of kinsync
  --install      only install the Debian packages of the clusters (root, Debian); with busybox-static the playground can confine
                 its containers
`;

const OPTIONS = {
  playground: { type: "boolean", default: false },
  local: { type: "boolean", default: false },
  controllers: { type: "boolean", default: false },
  controller: { type: "string" },
  cli: { type: "string" },
  source: { type: "boolean", default: false },
  control: { type: "boolean", default: false },
  complete: { type: "boolean", default: false },
  "write-docs": { type: "boolean", default: false },
  images: { type: "string" },
  record: { type: "boolean", default: false },
  logs: { type: "string", default: "e2e-logs" },
  pack: { type: "boolean", default: false },
  install: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const satisfies ParseArgsOptionsConfig;

const { values: flags, positionals } = readArguments();

function readArguments() {
  try {
    return parseArgs({ allowPositionals: true, options: OPTIONS });
  } catch (error) {
    process.stderr.write(`npm run e2e: ${messageOf(error)}\n`);
    process.exit(2);
  }
}

async function main(): Promise<number> {
  if (flags.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (flags.pack) {
    process.stdout.write(`${await packedCli()}\n`);
    return 0;
  }
  if (flags.install) {
    const report = (line: string) => process.stderr.write(`${line}\n`);
    await ensurePackages({ names: NODE_PACKAGES, install: true, report });
    return 0;
  }
  if (flags.playground && flags.record) {
    process.stderr.write("--record requires a real cluster: histories record real controllers\n");
    return 2;
  }
  if (flags.controllers && !flags.local) {
    process.stderr.write("--controllers requires --local. On your cluster: --controller NAME\n");
    return 2;
  }
  const command = await kinsyncCommand();
  if (flags.local) return runLocally(command);
  const settings: Settings = {
    target: flags.playground ? "playground" : "cluster",
    command,
    kubeconfig: process.env["KUBECONFIG"] ?? join(homedir(), ".kube", "config"),
    run: randomBytes(4).toString("hex"),
    control: flags.control,
    isWhole: positionals.length === 0,
    isComplete: flags.complete && positionals.length === 0,
    writeDocs: flags["write-docs"],
    record: flags.record,
    ...(flags.controller === undefined ? {} : { controller: checkedName(flags.controller) }),
    images: await readImageMap(flags.images ?? process.env["KINSYNC_E2E_IMAGES"]),
  };
  if (flags.playground) return vitest(settings);
  await removeExpired(settings);
  try {
    return await vitest(settings);
  } finally {
    const selector = `${RUN_LABEL}=${settings.run}`;
    await execute([...kubectl(settings), "delete", "namespace", "--selector", selector, "--wait=false"]);
  }
}

async function kinsyncCommand(): Promise<readonly string[]> {
  if (flags.source)
    return [process.execPath, "--conditions=kinsync:source", join(ROOT, "packages/cli/bin/kinsync.mjs")];
  return [process.execPath, flags.cli === undefined ? await packedCli() : resolve(flags.cli)];
}

/** Starts a cluster and runs the situations inside its node, where they can read files of containers and kill components. */
async function runLocally(command: readonly string[]): Promise<number> {
  const id = flags.controllers ? "controllers" : "suite";
  const cluster = (command: string, ...args: readonly string[]): readonly string[] => {
    return [process.execPath, join(ROOT, "e2e", "cluster", "cli.ts"), command, "--id", id, ...args];
  };
  let code: number | undefined;
  try {
    // A killed run may have left a cluster without running components.
    await run(cluster("down"), { timeoutMs: 120_000 });
    // Builds Kubernetes the first time.
    const size = flags.controllers ? [] : ["--nodes", "2", "--node-image"];
    await run(cluster("up", ...size), { timeoutMs: BUILD_LIMIT_MS });
    const cli = flags.source ? ["--source"] : ["--cli", command.at(-1) ?? ""];
    const suite = [
      process.execPath,
      "--conditions=kinsync:source",
      import.meta.filename,
      "--control",
      "--complete",
      ...(flags.record ? ["--record"] : []),
      ...cli,
    ];
    const inside = (args: readonly string[]) =>
      runInTerminal(cluster("exec", ...suite, ...args), { env: process.env, cwd: ROOT });
    if (flags.controllers) code = await eachController(cluster, inside);
    else {
      await run(cluster("kubectl", "taint", "node", "n2", `${SPARE_TAINT}=:NoSchedule`), { timeoutMs: 60_000 });
      code = await inside(["--", ...positionals]);
    }
    return code;
  } finally {
    if (code !== 0) await keepLogs(cluster);
    await run(cluster("down"), { timeoutMs: 120_000 });
  }
}

/** Brings up one controller after the other for its situations. @returns the first exit code that is not 0 */
async function eachController(
  cluster: (command: string, ...args: readonly string[]) => readonly string[],
  inside: (args: readonly string[]) => Promise<number>,
): Promise<number> {
  let worst = 0;
  const all = [CONTROL_PLANE, ...CONTROLLERS.map((each) => each.name)];
  for (const name of positionals.length === 0 ? all : positionals.map(checkedName)) {
    process.stderr.write(`controller: ${name}\n`);
    const isOther = name !== CONTROL_PLANE;
    if (isOther) await run(cluster("controller", name), { timeoutMs: BUILD_LIMIT_MS });
    const code = await inside(["--controller", name]);
    worst = worst === 0 ? code : worst;
    if (isOther) await run(cluster("controller", name, "--stop"), { timeoutMs: 300_000 });
  }
  return worst;
}

/** @throws if there is no such controller */
function checkedName(name: string): string {
  return name === CONTROL_PLANE ? name : controllerNamed(name).name;
}

/** Copies the logs of all components before they are removed with the cluster. */
async function keepLogs(cluster: (command: string, ...args: readonly string[]) => readonly string[]): Promise<void> {
  const folder = resolve(flags.logs);
  await rm(folder, { recursive: true, force: true });
  const { code, stderr } = await execute(cluster("logs", "--out", folder));
  process.stderr.write(code === 0 ? `logs of the cluster: ${folder}\n` : stderr);
}

function vitest(settings: Settings): Promise<number> {
  const config = join(ROOT, "e2e", "vitest.config.ts");
  const argv = [process.execPath, join(ROOT, "node_modules", "vitest", "vitest.mjs"), "run", "--config", config];
  return runInTerminal([...argv, ...positionals], {
    env: { ...process.env, ...settingsToEnvironment(settings) },
    cwd: ROOT,
  });
}

/** Deletes expired namespaces of earlier runs that were killed. */
async function removeExpired(settings: Settings): Promise<void> {
  const path = `{range .items[*]}{.metadata.name} {.metadata.annotations.${EXPIRY_ANNOTATION}}{"\\n"}{end}`;
  const list = ["get", "namespaces", "--selector", RUN_LABEL, "-o", `jsonpath=${path}`];
  for (const line of (await run([...kubectl(settings), ...list])).split("\n")) {
    const [name, expiry] = line.split(" ");
    if (name === undefined || name === "" || Number(expiry) * 1000 > Date.now()) continue;
    await run([...kubectl(settings), "delete", "namespace", name, "--wait=false"]);
  }
}

function kubectl({ kubeconfig }: Settings): readonly string[] {
  return ["kubectl", "--kubeconfig", kubeconfig];
}

try {
  process.exitCode = await main();
} catch (error) {
  // A missing kubectl, an unreachable cluster or a wrong file needs no stack trace.
  process.stderr.write(`npm run e2e: ${messageOf(error)}\n`);
  process.exitCode = 1;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
