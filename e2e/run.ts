// npm run e2e: the situations of e2e/situations, against the cluster that KUBECONFIG points at, a playground or a cluster of its own.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { ParseArgsOptionsConfig } from "node:util";
import { execute, run } from "./harness/command.ts";
import { readImageMap } from "./images/image-map.ts";
import { packedCli } from "./harness/packed-cli.ts";
import { settingsToEnvironment } from "./harness/settings.ts";
import type { Settings } from "./harness/settings.ts";
import { RUN_LABEL, SPARE_TAINT, UNTIL_ANNOTATION } from "./harness/labels.ts";

const ROOT = resolve(import.meta.dirname, "..");

const HELP = `npm run e2e -- [OPTIONS] [FILTER...] [-- VITEST OPTIONS]

Runs the situations, black box: the packed kinsync against a Kubernetes. FILTER is a part of a file's name.

  --playground   against the embedded cluster
  --local        against a real cluster of its own, which is brought up and taken down (root, Debian)
                 Default: the cluster that KUBECONFIG points at; only namespaces made here are touched
  --cli FILE     try this kinsync; default: the packages are packed and installed into a cache folder
  --source       try the sources as they are
  --control      processes of the node may be killed: run inside the node, as root, and nobody else uses it
  --complete     nothing may be skipped; --local means it, too
  --write-docs   with --playground: write into its page what it cannot play
  --images FILE  JSON, what to take for which image, { "busybox": "registry.example/busybox:1" }; others are localhost/NAME:1.
                 Default: the variable KINSYNC_E2E_IMAGES. "node e2e/images/cli.ts" makes them and loads them into kind
  --record       write what happened in the situations that state truths, and passed, into packages/kind-*/histories
  --logs DIR     where --local leaves the logs of all components if something failed; default: e2e-logs
  --pack         only pack, and print where kinsync is
`;

const OPTIONS = {
  playground: { type: "boolean", default: false },
  local: { type: "boolean", default: false },
  cli: { type: "string" },
  source: { type: "boolean", default: false },
  control: { type: "boolean", default: false },
  complete: { type: "boolean", default: false },
  "write-docs": { type: "boolean", default: false },
  images: { type: "string" },
  record: { type: "boolean", default: false },
  logs: { type: "string", default: "e2e-logs" },
  pack: { type: "boolean", default: false },
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
  if (flags.playground && flags.record) {
    process.stderr.write("--record is for a real cluster: histories are what real controllers do\n");
    return 2;
  }
  const command = await kinsyncCommand();
  if (flags.local) return runLocally(command);
  const settings: Settings = {
    world: flags.playground ? "playground" : "cluster",
    command,
    kubeconfig: process.env["KUBECONFIG"] ?? join(homedir(), ".kube", "config"),
    run: randomBytes(4).toString("hex"),
    control: flags.control,
    isWhole: positionals.length === 0,
    isComplete: flags.complete && positionals.length === 0,
    writeDocs: flags["write-docs"],
    record: flags.record,
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
  if (flags.source) return [process.execPath, "--conditions=kinsync:source", join(ROOT, "packages/cli/src/bin.mjs")];
  return [process.execPath, flags.cli === undefined ? await packedCli() : resolve(flags.cli)];
}

/** On a cluster of its own: the situations run inside of its node, so that they can see into containers and kill its parts. */
async function runLocally(command: readonly string[]): Promise<number> {
  const cluster = (command: string, ...args: readonly string[]): readonly string[] => {
    return [process.execPath, join(ROOT, "e2e", "cluster", "cli.ts"), command, "--id", "suite", ...args];
  };
  let code: number | undefined;
  try {
    // A killed run may have left one whose parts do not run.
    await run(cluster("down"), { within: 120_000 });
    // The first time, Kubernetes is built.
    await run(cluster("up", "--nodes", "2", "--node-image"), { within: 1_800_000 });
    await run(cluster("kubectl", "taint", "node", "n2", `${SPARE_TAINT}=:NoSchedule`), { within: 60_000 });
    const cli = flags.source ? ["--source"] : ["--cli", command.at(-1) ?? ""];
    const again = [
      process.execPath,
      "--conditions=kinsync:source",
      import.meta.filename,
      "--control",
      "--complete",
      ...(flags.record ? ["--record"] : []),
      ...cli,
    ];
    code = await inherit(cluster("exec", ...again, "--", ...positionals), process.env);
    return code;
  } finally {
    if (code !== 0) await keepLogs(cluster);
    await run(cluster("down"), { within: 120_000 });
  }
}

/** Copies the logs of all components, which go with the cluster. */
async function keepLogs(cluster: (command: string, ...args: readonly string[]) => readonly string[]): Promise<void> {
  const folder = resolve(flags.logs);
  await rm(folder, { recursive: true, force: true });
  const { code, stderr } = await execute(cluster("logs", "--out", folder));
  process.stderr.write(code === 0 ? `logs of the cluster: ${folder}\n` : stderr);
}

function vitest(settings: Settings): Promise<number> {
  const config = join(ROOT, "e2e", "vitest.config.ts");
  const argv = [process.execPath, join(ROOT, "node_modules", "vitest", "vitest.mjs"), "run", "--config", config];
  return inherit([...argv, ...positionals], { ...process.env, ...settingsToEnvironment(settings) });
}

/** Runs a program on this terminal. Ctrl-C reaches it too; it is waited for. */
async function inherit(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [file = "", ...args] = argv;
  const child = spawn(file, args, { stdio: "inherit", env, cwd: ROOT });
  const ignore = (): void => {};
  process.on("SIGINT", ignore);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once("error", reject);
  child.once("close", (code) => resolve(code ?? 1));
  try {
    return await promise;
  } finally {
    process.off("SIGINT", ignore);
  }
}

/** Removes what earlier runs left behind that were killed. */
async function removeExpired(settings: Settings): Promise<void> {
  const path = `{range .items[*]}{.metadata.name} {.metadata.annotations.${UNTIL_ANNOTATION}}{"\\n"}{end}`;
  const list = ["get", "namespaces", "--selector", RUN_LABEL, "-o", `jsonpath=${path}`];
  for (const line of (await run([...kubectl(settings), ...list])).split("\n")) {
    const [name, end] = line.split(" ");
    if (name === undefined || name === "" || Number(end) * 1000 > Date.now()) continue;
    await run([...kubectl(settings), "delete", "namespace", name, "--wait=false"]);
  }
}

function kubectl({ kubeconfig }: Settings): readonly string[] {
  return ["kubectl", "--kubeconfig", kubeconfig];
}

try {
  process.exitCode = await main();
} catch (error) {
  // What a missing kubectl, a cluster that does not answer or a wrong file says is for people.
  process.stderr.write(`npm run e2e: ${messageOf(error)}\n`);
  process.exitCode = 1;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
