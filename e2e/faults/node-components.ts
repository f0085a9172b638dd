import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";
import pWaitFor from "p-wait-for";
import { hasEnded } from "../cluster/processes.ts";

/** A program of the node that situations may stop, kill and restart. */
export type Component = "etcd" | "kube-apiserver" | "kubelet" | "containerd";

/** A running component, with everything that is needed to restart it. */
export interface ComponentProcess {
  readonly pid: number;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** File of its standard error. */
  readonly log: string;
}

const END_LIMIT_MS = 120_000;

/** Finds a program by its name among the visible processes; exactly one has to run. */
export async function findComponent(name: Component): Promise<ComponentProcess> {
  const found: ComponentProcess[] = [];
  for (const entry of await readdir("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const argv = await listIn(`/proc/${pid}/cmdline`);
    if (basename(argv[0] ?? "") !== name) continue;
    const variables = (await listIn(`/proc/${pid}/environ`)).map((each) => each.split(/=(.*)/s).slice(0, 2));
    found.push({
      pid,
      argv,
      cwd: await readlink(`/proc/${pid}/cwd`),
      env: Object.fromEntries(variables) as NodeJS.ProcessEnv,
      log: await readlink(`/proc/${pid}/fd/2`),
    });
  }
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`${found.length} visible processes run ${name}, not 1`);
  return only;
}

/** The value of a flag on a component's command line. */
export function flagOf({ argv }: ComponentProcess, name: string): string {
  const flag = `--${name}=`;
  const value = argv.find((each) => each.startsWith(flag))?.slice(flag.length);
  if (value === undefined) throw new Error(`${basename(argv[0] ?? "")} was started without ${flag}`);
  return value;
}

/** Kills a component and waits for its end. @returns the argument of `startComponent` */
export async function killComponent(name: Component): Promise<ComponentProcess> {
  const found = await findComponent(name);
  process.kill(found.pid, "SIGKILL");
  await untilEnded(name, found);
  return found;
}

/** SIGTERM. @returns the argument of `startComponent`, and a promise of the component's end */
export async function terminateComponent(
  name: Component,
): Promise<ComponentProcess & { readonly ended: Promise<void> }> {
  const found = await findComponent(name);
  process.kill(found.pid, "SIGTERM");
  return { ...found, ended: untilEnded(name, found) };
}

/** SIGSTOP: the component keeps its connections and does not answer. */
export async function stopComponent(name: Component): Promise<ComponentProcess> {
  const found = await findComponent(name);
  process.kill(found.pid, "SIGSTOP");
  return found;
}

/** SIGCONT. */
export function continueComponent({ pid }: ComponentProcess): void {
  process.kill(pid, "SIGCONT");
}

/** The command line, and then the first thread, disappear earlier than the ports of the process. */
async function untilEnded(name: Component, { pid }: ComponentProcess): Promise<void> {
  const message = `${name} did not end within ${END_LIMIT_MS / 1000} s`;
  await pWaitFor(() => hasEnded(pid), { interval: 20, timeout: { milliseconds: END_LIMIT_MS, message } });
}

/** Restarts a killed component with its former command; it outlives the situations. */
export function startComponent({ argv, cwd, env, log }: ComponentProcess): void {
  const [file = "", ...args] = argv;
  const output = openSync(log.startsWith("/") ? log : "/dev/null", "a");
  const child = spawn(file, args, { cwd, env, detached: true, stdio: ["ignore", output, output] });
  closeSync(output);
  child.unref();
}

/** The texts of a file in which each ends with a zero byte; none if it cannot be read. */
async function listIn(file: string): Promise<readonly string[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.split("\0").filter((each) => each !== "");
}
