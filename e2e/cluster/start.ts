import { randomInt } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { homedir, networkInterfaces } from "node:os";
import { join } from "node:path";
import pWaitFor from "p-wait-for";
import { run } from "../harness/command.ts";
import { ensureImages } from "../images/image-archives.ts";
import { ensurePackages, NODE_PACKAGES } from "../images/debian-packages.ts";
import { AdminApi } from "./admin-api.ts";
import { planGroups } from "./cgroups.ts";
import type { Cluster, ClusterOptions, Component } from "./cluster.ts";
import { Components } from "./components.ts";
import { configureControlPlane, configureNode } from "./control-plane.ts";
import { configureJobSet, webhookManifests } from "./jobset-controller.ts";
import { connectNodes, nodeCommand, startNode } from "./node.ts";
import { createCertificates, writeKubeconfig } from "./certificates.ts";
import { isAlive, markOf } from "./processes.ts";
import { ensurePrograms } from "./programs.ts";
import { controlCluster } from "./running-cluster.ts";
import {
  clustersFolder,
  createFolder,
  environmentOf,
  keptLogs,
  kubeconfigOf,
  layoutOf,
  nodeLayoutOf,
  readState,
  writeState,
} from "./state.ts";
import type { ClusterState, Layout, NodeState } from "./state.ts";
import { linkName, removeCluster } from "./teardown.ts";

/** The link's name, of at most 15 bytes, contains the id. */
const ID = /^[a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?$/;

/** Maximum length of a socket's path, as in unix(7). */
const MAX_SOCKET_PATH_BYTES = 107;

/** Time limit for a state of the cluster on a loaded machine. */
const STATE_LIMIT_MS = 120_000;

type Report = (line: string) => void;

export async function start(options: ClusterOptions): Promise<Cluster> {
  const { id = "main", nodes = 1, jobset = true, report = () => {}, signal } = options;
  if (!ID.test(id)) throw new Error(`the id ${id} is not 1 to 11 lower case letters, digits and dashes`);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > 9) throw new Error(`a cluster has 1 to 9 nodes, not ${nodes}`);
  if (process.getuid?.() !== 0) throw new Error("nodes are namespaces and control groups: only root can create them");
  const folder = join(clustersFolder(options.folder), id);
  const socket = nodeLayoutOf(layoutOf(folder), "n1").containerdSocket;
  if (socket.length > MAX_SOCKET_PATH_BYTES)
    throw new Error(`${socket} is too long for a socket. Choose a shorter folder.`);

  const known = await readState(folder);
  if (known !== undefined && (await isUp(known))) {
    if (known.nodes.length === nodes && known.jobset === jobset) return controlCluster(folder, known);
    throw new Error(
      `the cluster ${id} runs with other nodes or controllers. Remove it first: \`node e2e/cluster/cli.ts down --id ${id}\``,
    );
  }
  if (known !== undefined && !known.up && (await isAlive(known.starter))) {
    throw new Error(`process ${known.starter.pid} is starting the cluster ${id}`);
  }
  await removeCluster(folder);

  const cache = options.cache ?? join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "kinsync-e2e");
  const common = { cache, report, ...(signal === undefined ? {} : { signal }) };
  const packages = await ensurePackages({ ...common, names: NODE_PACKAGES, install: options.install ?? true });
  const programs = await ensurePrograms(common);
  const { archives, wait } = await ensureImages({ ...common, packages, node: options.nodeImage ?? false });

  const starter = await markOf(process.pid);
  if (starter === undefined) throw new Error("this process is not in /proc");
  const subnet = freeSubnet();
  const planned = Array.from({ length: nodes }, async (_, index): Promise<NodeState> => {
    const [name, number] = [`n${index + 1}`, index + 1];
    return { name, number, address: `10.99.${subnet}.${number}`, groups: await planGroups(`e2e-${id}-${name}`) };
  });
  const state = { id, subnet, jobset, programs, starter, up: false, nodes: await Promise.all(planned) };
  const layout = layoutOf(folder);
  // From here on, the state file is sufficient to remove everything.
  await createFolder(folder, state);
  try {
    const started = await startAll({
      state,
      layout,
      archives,
      wait,
      report,
      ...(signal === undefined ? {} : { signal }),
    });
    return await controlCluster(folder, started);
  } catch (cause) {
    const kept = keptLogs(folder);
    await rm(kept, { recursive: true, force: true });
    await rename(layout.logs, kept).catch(() => {});
    await removeCluster(folder);
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`the cluster did not start (its logs are in ${kept}): ${why}`, { cause });
  }
}

/** The cluster of a folder if it runs, from the machine or from inside one of its nodes. */
export async function open(folder: string): Promise<Cluster | undefined> {
  const state = await readState(folder);
  return state !== undefined && (await isUp(state)) ? controlCluster(folder, state) : undefined;
}

async function isUp({ up, nodes, subnet }: ClusterState): Promise<boolean> {
  if (!up) return false;
  // Inside a node the machine's PIDs are meaningless, but the node's address is visible.
  const own = addressesHere();
  if (nodes.some(({ address }) => own.includes(address)) && !own.includes(`10.99.${subnet}.254`)) return true;
  for (const { init } of nodes) if (init === undefined || !(await isAlive(init))) return false;
  return true;
}

interface Plan {
  readonly state: ClusterState;
  readonly layout: Layout;
  readonly archives: readonly string[];
  readonly wait: string;
  readonly report: Report;
  readonly signal?: AbortSignal;
}

async function startAll({ state: planned, layout, archives, wait, report, signal }: Plan): Promise<ClusterState> {
  const begin = performance.now();
  const progress = (what: string) =>
    report(`${((performance.now() - begin) / 1000).toFixed(1).padStart(5)} s  ${what}`);
  const { folder, logs, pki, etc } = layout;
  await mkdir(logs);
  await mkdir(etc);

  const [nodes] = await Promise.all([
    Promise.all(planned.nodes.map(async (node) => ({ ...node, init: await startNode({ ...node, wait, logs }) }))),
    createCertificates(pki, certificatesOf(planned)),
  ]);
  const [first] = nodes;
  if (first === undefined) throw new Error("a cluster has at least one node");
  const running: ClusterState = { ...planned, nodes };
  await writeState(folder, running);
  await connectNodes(nodes, planned.subnet, linkName(planned.id));
  await configure(running, layout);
  progress("nodes are created");

  const failure = new AbortController();
  const ending = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal]);
  const components = new Components(running, layout);
  const api = new AdminApi(layout.kubeconfig);
  const startHere = async (component: Component, node: NodeState = first) => {
    await components.start(component, node, ending);
    if (component !== "containerd" || node === first) progress(`${component} is healthy`);
  };
  const kubectl = (args: readonly string[], input = "") =>
    run([join(planned.programs.kubernetes, "kubectl"), ...args], {
      input,
      env: { ...environmentOf(layout), HOME: "/root" },
      signal: ending,
    });
  const until = (what: string, probe: () => Promise<boolean>) =>
    pWaitFor(probe, {
      interval: 100,
      timeout: { milliseconds: STATE_LIMIT_MS, message: `not within ${STATE_LIMIT_MS / 1000} s: ${what}` },
      signal: ending,
    });
  const apiServer = Promise.all([startHere("etcd"), startHere("apiserver")]);
  const controllers = apiServer.then(() => Promise.all([startHere("controller-manager"), startHere("scheduler")]));
  const kubelets = nodes.map(async (node) => {
    await startHere("containerd", node);
    await Promise.all([apiServer, importImages(node, layout, archives)]);
    await startHere("kubelet", node);
    await until(`${node.name} is ready`, () => api.isNodeReady(node.name));
    progress(`${node.name} is ready`);
  });
  const jobSet = apiServer.then(async () => {
    if (!planned.jobset) return;
    await kubectl(["create", "--validate=false", "--filename", join(planned.programs.jobset, "jobset-crd.yaml")]);
    await until("the JobSet resource is served", () => api.isServed("jobsets.jobset.x-k8s.io"));
    await startHere("jobset");
    const manifests = join(planned.programs.jobset, "jobset-webhooks.yaml");
    await kubectl(
      ["create", "--validate=false", "--filename", "-"],
      await webhookManifests(manifests, join(pki, "ca.crt")),
    );
    progress("webhooks of jobset are registered");
  });
  const parts = [controllers, ...kubelets, jobSet];
  try {
    await Promise.all(parts);
  } catch (error) {
    // Nothing may start while everything is removed.
    failure.abort(error);
    await Promise.allSettled(parts);
    throw error;
  }
  // Without it no pod is admitted.
  await until("the namespace default has its service account", () => api.hasServiceAccount("default", "default"));

  const up = { ...running, up: true };
  await writeState(folder, up);
  progress("the cluster runs");
  return up;
}

function certificatesOf({ nodes, subnet }: ClusterState) {
  const own = ["127.0.0.1", "10.96.0.1", `10.99.${subnet}.1`].map((address) => `IP:${address}`);
  const names = [...own, "DNS:localhost", "DNS:kubernetes.default.svc"].join(",");
  return [
    { name: "apiserver", subject: "/CN=kube-apiserver", names },
    { name: "admin", subject: "/O=system:masters/CN=admin", names: "DNS:admin" },
    { name: "jobset", subject: "/O=system:masters/CN=jobset", names: "DNS:jobset" },
    { name: "controller", subject: "/O=system:masters/CN=controller", names: "DNS:controller" },
    ...["controller-manager", "scheduler"].map((name) => ({
      name,
      subject: `/CN=system:kube-${name}`,
      names: `DNS:${name}`,
    })),
    ...nodes.map(({ name, address }) => ({
      name,
      subject: `/O=system:nodes/CN=system:node:${name}`,
      names: `DNS:${name},IP:${address}`,
    })),
  ];
}

async function configure(state: ClusterState, layout: Layout): Promise<void> {
  const { pki } = layout;
  const server = `https://10.99.${state.subnet}.1:6443`;
  const inside = "https://127.0.0.1:6443";
  await configureControlPlane(layout);
  if (state.jobset) await configureJobSet(layout);
  await writeKubeconfig({ path: layout.kubeconfig, server, pki, user: "admin" });
  await writeKubeconfig({ path: layout.kubeconfigInside, server: inside, pki, user: "admin" });
  for (const user of ["controller-manager", "scheduler", "jobset", "controller"] as const) {
    await writeKubeconfig({ path: kubeconfigOf(layout, user), server: inside, pki, user });
  }
  for (const node of state.nodes) {
    await configureNode(layout, node);
    const path = join(nodeLayoutOf(layout, node.name).folder, "kubelet.kubeconfig");
    await writeKubeconfig({ path, server, pki, user: node.name });
  }
}

async function importImages(node: NodeState, layout: Layout, archives: readonly string[]): Promise<void> {
  const { containerdSocket } = nodeLayoutOf(layout, node.name);
  const ctr = ["ctr", "--address", containerdSocket, "--namespace", "k8s.io", "images", "import"];
  for (const archive of archives) await run(nodeCommand(node, [...ctr, archive]), { timeoutMs: STATE_LIMIT_MS });
}

/** A random third number for 10.99.x.0/24 without an address on this machine. Random, so that two concurrent starts rarely choose the same. */
function freeSubnet(): number {
  const own = addressesHere();
  for (;;) {
    const subnet = randomInt(1, 250);
    if (!own.some((address) => address.startsWith(`10.99.${subnet}.`))) return subnet;
  }
}

function addressesHere(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address));
}
