import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Programs } from "./programs.ts";
import type { NodeGroups } from "./cgroups.ts";
import type { ProcessMark } from "./processes.ts";

/** What is written down about a cluster, always before it is made: enough for any process to control it and to take it away. */
export interface ClusterState {
  readonly id: string;
  /** Third number of its addresses, 10.99.SUBNET.x. */
  readonly subnet: number;
  readonly jobset: boolean;
  readonly programs: Programs;
  /** Who brings it up. */
  readonly starter: ProcessMark;
  /** Whether it came up. */
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
  /** Its first process and that one's PID namespace, once it runs. */
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

/** Where the logs of a cluster are that did not come up, until its next end. */
export function keptLogs(folder: string): string {
  return `${folder}.logs`;
}

/** Each controller has a name of its own, so that it can be told apart in the audit log. */
export function kubeconfigOf({ etc }: Layout, user: "controller-manager" | "scheduler" | "jobset"): string {
  return join(etc, `${user}.kubeconfig`);
}

/** For programs on the machine that use the cluster. */
export function environmentOf({ folder, kubeconfig }: Layout): Readonly<Record<string, string>> {
  return { KUBECONFIG: kubeconfig, KUBECACHEDIR: join(folder, "kubectl"), NO_PROXY: "*", no_proxy: "*" };
}

/** Paths of one node. Short: a socket's path has at most 107 bytes. */
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
 * Makes a cluster's folder, never without its state.
 * @throws where it is there: somebody else was faster.
 */
export async function createFolder(folder: string, state: ClusterState): Promise<void> {
  const unfinished = `${folder}.${state.starter.pid}`;
  await mkdir(unfinished, { recursive: true });
  await writeState(unfinished, state);
  await rename(unfinished, folder).catch(async (cause: unknown) => {
    await rm(unfinished, { recursive: true, force: true });
    throw new Error(`${folder} is there already: another process brings up this cluster`, { cause });
  });
}

/** Whole or not at all. */
export async function writeState(folder: string, state: ClusterState): Promise<void> {
  const path = layoutOf(folder).state;
  await writeFile(`${path}.new`, JSON.stringify(state, undefined, 2));
  await rename(`${path}.new`, path);
}
