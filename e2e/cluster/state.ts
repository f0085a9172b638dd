import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Programs } from "./programs.ts";
import type { NodeGroups } from "./cgroups.ts";
import type { ProcessMark } from "./processes.ts";

/** Stored before each part of a cluster is created: sufficient for any process to control the cluster and to remove it. */
export interface ClusterState {
  readonly id: string;
  /** Third number of its addresses, 10.99.SUBNET.x. */
  readonly subnet: number;
  readonly jobset: boolean;
  readonly programs: Programs;
  /** The process that starts it. */
  readonly starter: ProcessMark;
  /** Whether it was started completely. */
  readonly up: boolean;
  readonly nodes: readonly NodeState[];
}

export interface NodeState {
  /** `n1`, `n2`… */
  readonly name: string;
  /** `10.99.SUBNET.N`; the machine itself is 10.99.SUBNET.254. */
  readonly address: string;
  /** Pods have addresses 10.244.N.x. */
  readonly number: number;
  readonly groups: NodeGroups;
  /** Its first process with its PID namespace, once it runs. */
  readonly init?: ProcessMark & { readonly namespace: string };
}

export function clustersFolder(folder: string | undefined): string {
  return folder ?? join(tmpdir(), "kinsync-e2e");
}

/** Paths in a cluster's folder. */
export interface Layout {
  readonly folder: string;
  readonly state: string;
  readonly logs: string;
  readonly pki: string;
  readonly etc: string;
  readonly etcd: string;
  readonly kubeconfig: string;
  readonly kubeconfigInside: string;
}

export function layoutOf(folder: string): Layout {
  const at = (name: string) => join(folder, name);
  return {
    folder,
    state: at("state.json"),
    logs: at("logs"),
    pki: at("pki"),
    etc: at("etc"),
    etcd: at("etcd"),
    kubeconfig: at("admin.kubeconfig"),
    kubeconfigInside: at("inside.kubeconfig"),
  };
}

/** Folder of the logs of a cluster that failed to start, until it is removed. */
export function keptLogs(folder: string): string {
  return `${folder}.logs`;
}

/** Each has its own user, which identifies it in the audit log; controllers of other projects share one. */
export function kubeconfigOf(
  { etc }: Layout,
  user: "controller-manager" | "scheduler" | "jobset" | "controller",
): string {
  return join(etc, `${user}.kubeconfig`);
}

/** For programs on the machine that use the cluster. */
export function environmentOf({ folder, kubeconfig }: Layout): Readonly<Record<string, string>> {
  return { KUBECONFIG: kubeconfig, KUBECACHEDIR: join(folder, "kubectl"), NO_PROXY: "*", no_proxy: "*" };
}

/** Paths of one node. Short, because a socket's path has at most 107 bytes. */
export interface NodeLayout {
  readonly folder: string;
  readonly containerdSocket: string;
  readonly cni: string;
}

export function nodeLayoutOf(layout: Layout, node: string): NodeLayout {
  const folder = join(layout.folder, node);
  return { folder, containerdSocket: join(folder, "containerd.sock"), cni: join(folder, "cni") };
}

export async function readState(folder: string): Promise<ClusterState | undefined> {
  const text = await readFile(layoutOf(folder).state, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as ClusterState);
}

/**
 * Creates a cluster's folder together with its state, atomically.
 * @throws if it exists: another process was faster
 */
export async function createFolder(folder: string, state: ClusterState): Promise<void> {
  const unfinished = `${folder}.${state.starter.pid}`;
  await mkdir(unfinished, { recursive: true });
  await writeState(unfinished, state);
  await rename(unfinished, folder).catch(async (cause: unknown) => {
    await rm(unfinished, { recursive: true, force: true });
    throw new Error(`${folder} exists already: another process starts this cluster`, { cause });
  });
}

/** Atomically. */
export async function writeState(folder: string, state: ClusterState): Promise<void> {
  const path = layoutOf(folder).state;
  await writeFile(`${path}.new`, JSON.stringify(state, undefined, 2));
  await rename(`${path}.new`, path);
}
