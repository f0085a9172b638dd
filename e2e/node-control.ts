import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";
import { isAlive } from "./bytes.ts";
import { until } from "./until.ts";

/** A program of the node that the situations may stop, kill and start again. */
export type Component = "kube-apiserver" | "kubelet" | "containerd";

/** A process that was found, and how to start it again. */
export interface NodeProcess {
  readonly pid: number;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where its standard error goes. */
  readonly log: string;
}

/** Finds a program by its name among the processes that are seen from here; there has to be exactly one. */
export async function findComponent(name: Component): Promise<NodeProcess> {
  const found: NodeProcess[] = [];
  for (const entry of await readdir("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const argv = await listAt(`/proc/${pid}/cmdline`);
    if (basename(argv[0] ?? "") !== name) continue;
    const variables = (await listAt(`/proc/${pid}/environ`)).map((each) => each.split(/=(.*)/s).slice(0, 2));
    found.push({
      pid,
      argv,
      cwd: await readlink(`/proc/${pid}/cwd`),
      env: Object.fromEntries(variables) as NodeJS.ProcessEnv,
      log: await readlink(`/proc/${pid}/fd/2`),
    });
  }
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new Error(`${found.length} processes of ${name} are seen from here`);
  return only;
}

/** Kills it and waits until it is gone. @returns what `startComponent` takes */
export async function killComponent(name: Component): Promise<NodeProcess> {
  const found = await findComponent(name);
  process.kill(found.pid, "SIGKILL");
  // Its command line is gone sooner than the ports that it holds.
  await until(`${name} has ended`, async () => !(await isAlive(found.pid)), { every: 20 });
  return found;
}

/** Starts what was killed as it was started before; it outlives the situations. */
export function startComponent({ argv, cwd, env, log }: NodeProcess): void {
  const [file = "", ...args] = argv;
  const output = openSync(log.startsWith("/") ? log : "/dev/null", "a");
  const child = spawn(file, args, { cwd, env, detached: true, stdio: ["ignore", output, output] });
  closeSync(output);
  child.unref();
}

/** The texts of a file in which each ends with a zero byte; none where it cannot be read. */
async function listAt(file: string): Promise<readonly string[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.split("\0").filter((each) => each !== "");
}
