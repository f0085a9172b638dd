import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";
import { hasEnded } from "../cluster/processes.ts";
import { until } from "../harness/until.ts";

/** A program of the node that the situations may stop, kill and start again. */
export type Component = "etcd" | "kube-apiserver" | "kubelet" | "containerd";

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
  await whenGone(name, found);
  return found;
}

/** Tells it to end. @returns what `startComponent` takes, and a promise of its end */
export async function endComponent(name: Component): Promise<NodeProcess & { readonly gone: Promise<void> }> {
  const found = await findComponent(name);
  process.kill(found.pid, "SIGTERM");
  return { ...found, gone: whenGone(name, found) };
}

/** SIGSTOP: it stays, holds its connections and says nothing. */
export async function stopComponent(name: Component): Promise<NodeProcess> {
  const found = await findComponent(name);
  process.kill(found.pid, "SIGSTOP");
  return found;
}

/** SIGCONT. */
export function continueComponent({ pid }: NodeProcess): void {
  process.kill(pid, "SIGCONT");
}

/** Its command line, and then its first thread, are gone sooner than the ports that it holds. */
async function whenGone(name: Component, { pid }: NodeProcess): Promise<void> {
  await until(`${name} has ended`, () => hasEnded(pid), { every: 20, within: 120_000 });
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

/** Makes etcd forget all versions but the present ones: https://etcd.io/docs/v3.6/op-guide/maintenance/ */
export async function compactEtcd(): Promise<void> {
  const { argv } = await findComponent("etcd");
  const flag = "--listen-client-urls=";
  const server = argv.find((each) => each.startsWith(flag))?.slice(flag.length);
  if (server === undefined) throw new Error(`etcd was started without ${flag}`);
  const range = { key: btoa("compact"), limit: 1 };
  const { header } = (await post(`${server}/v3/kv/range`, range)) as { readonly header: { readonly revision: string } };
  await post(`${server}/v3/kv/compaction`, { revision: header.revision, physical: true });
}

async function post(url: string, body: object): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
