import { randomInt } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { homedir, networkInterfaces } from "node:os";
import { join } from "node:path";
import { run } from "../harness/command.ts";
import { until } from "../harness/until.ts";
import { Api } from "./api.ts";
import { ensurePrograms } from "./programs.ts";
import { planGroups } from "./cgroups.ts";
import type { Cluster, ClusterOptions } from "./cluster.ts";
import { Components } from "./components.ts";
import { configureControlPlane, configureNode } from "./control-plane.ts";
import { controlCluster } from "./running-cluster.ts";
import { ensureImages } from "../images/image-archives.ts";
import { configureJobSet, webhookManifests } from "./jobset-controller.ts";
import { connectNodes, nodeCommand, startNode } from "./node.ts";
import { ensurePackages, NODE_PACKAGES } from "../images/debian-packages.ts";
import { makeCertificates, writeKubeconfig } from "./certificates.ts";
import { isAlive, markOf } from "./processes.ts";
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
import { linkName, takeAway } from "./teardown.ts";

/** The link's name, of at most 15 bytes, holds the id. */
const ID = /^[a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?$/;

/** Bytes of a socket's path, as in unix(7). */
const SOCKET_LIMIT = 107;

/** Milliseconds until an object is as it has to be, on a machine with other things to do. */
const PATIENCE = 120_000;

type Report = (line: string) => void;

export async function start(options: ClusterOptions): Promise<Cluster> {
  const { id = "main", nodes = 1, jobset = true, report = () => {}, signal } = options;
  if (!ID.test(id)) throw new Error(`the id ${id} is not 1 to 11 lower case letters, digits and dashes`);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > 9) throw new Error(`a cluster has 1 to 9 nodes, not ${nodes}`);
  if (process.getuid?.() !== 0) throw new Error("nodes are namespaces and control groups: only root can make them");
  const folder = join(clustersFolder(options.folder), id);
  const socket = nodeLayoutOf(layoutOf(folder), "n1").containerdSocket;
  if (socket.length > SOCKET_LIMIT) throw new Error(`${socket} is too long for a socket; choose a shorter folder`);

  const known = await readState(folder);
  if (known !== undefined && (await isUp(known))) {
    if (known.nodes.length === nodes && known.jobset === jobset) return controlCluster(folder, known);
    throw new Error(`the cluster ${id} is up with other nodes or controllers; take it down first`);
  }
  if (known !== undefined && !known.up && (await isAlive(known.starter))) {
    throw new Error(`the cluster ${id} is being brought up by process ${known.starter.pid}`);
  }
  await takeAway(folder);

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
  // Whatever happens from here on, what is written down suffices to take everything away.
  await createFolder(folder, state);
  try {
    const started = await bringUp({
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
    await takeAway(folder);
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`the cluster did not come up (its logs are in ${kept}): ${why}`, { cause });
  }
}

/** The cluster in a folder where its processes are there, seen from the machine or from inside of it. */
export async function open(folder: string): Promise<Cluster | undefined> {
  const state = await readState(folder);
  return state !== undefined && (await isUp(state)) ? controlCluster(folder, state) : undefined;
}

async function isUp({ up, nodes, subnet }: ClusterState): Promise<boolean> {
  if (!up) return false;
  // Inside of a node the machine's numbers of processes say nothing, but its address is there.
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

async function bringUp({ state: planned, layout, archives, wait, report, signal }: Plan): Promise<ClusterState> {
  const begin = performance.now();
  const say = (what: string) => report(`${((performance.now() - begin) / 1000).toFixed(1).padStart(5)} s  ${what}`);
  const { folder, logs, pki, etc } = layout;
  await mkdir(logs);
  await mkdir(etc);

  const [nodes] = await Promise.all([
    Promise.all(planned.nodes.map(async (node) => ({ ...node, init: await startNode({ ...node, wait, logs }) }))),
    makeCertificates(pki, certificatesOf(planned)),
  ]);
  const [first] = nodes;
  if (first === undefined) throw new Error("a cluster has at least one node");
  const running: ClusterState = { ...planned, nodes };
  await writeState(folder, running);
  await connectNodes(nodes, planned.subnet, linkName(planned.id));
  await configure(running, layout);
  say("nodes are made");

  const failure = new AbortController();
  const ending = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal]);
  const components = new Components(running, layout);
  using api = await Api.open(first.address, pki);
  const startHere = async (component: Parameters<Components["start"]>[0], node: NodeState = first) => {
    await components.start(component, node, ending);
    if (component !== "containerd" || node === first) say(`${component} serves`);
  };
  const kubectl = (args: readonly string[], input = "") =>
    run([join(planned.programs.kubernetes, "kubectl"), ...args], {
      input,
      env: { ...environmentOf(layout), HOME: "/root" },
      signal: ending,
    });
  const looks = { within: PATIENCE, every: 50, signal: ending };
  const apiServer = Promise.all([startHere("etcd"), startHere("apiserver")]);
  const controllers = apiServer.then(() => Promise.all([startHere("controller-manager"), startHere("scheduler")]));
  const kubelets = nodes.map(async (node) => {
    await startHere("containerd", node);
    await Promise.all([apiServer, importImages(node, layout, archives)]);
    await startHere("kubelet", node);
    await until(`${node.name} is ready`, () => isNodeReady(api, node.name), { ...looks });
    say(`${node.name} is ready`);
  });
  const jobSet = apiServer.then(async () => {
    if (!planned.jobset) return;
    await kubectl(["create", "--validate=false", "--filename", join(planned.programs.jobset, "jobset-crd.yaml")]);
    await until("the JobSet resource is served", () => isEstablished(api), { ...looks });
    await startHere("jobset");
    const manifests = join(planned.programs.jobset, "jobset-webhooks.yaml");
    await kubectl(
      ["create", "--validate=false", "--filename", "-"],
      await webhookManifests(manifests, join(pki, "ca.crt")),
    );
    say("webhooks of jobset are known");
  });
  const parts = [controllers, ...kubelets, jobSet];
  try {
    await Promise.all(parts);
  } catch (error) {
    // Nothing may be started any more while everything is taken away.
    failure.abort(error);
    await Promise.allSettled(parts);
    throw error;
  }
  // Without it no pod is let in.
  const account = () => api.find("/api/v1/namespaces/default/serviceaccounts/default");
  await until("the namespace default has its service account", account, { ...looks });

  const up = { ...running, up: true };
  await writeState(folder, up);
  say("the cluster is up");
  return up;
}

function certificatesOf({ nodes, subnet }: ClusterState) {
  const own = ["127.0.0.1", "10.96.0.1", `10.99.${subnet}.1`].map((address) => `IP:${address}`);
  const names = [...own, "DNS:localhost", "DNS:kubernetes.default.svc"].join(",");
  return [
    { name: "apiserver", subject: "/CN=kube-apiserver", names },
    { name: "admin", subject: "/O=system:masters/CN=admin", names: "DNS:admin" },
    { name: "jobset", subject: "/O=system:masters/CN=jobset", names: "DNS:jobset" },
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
  for (const user of ["controller-manager", "scheduler", "jobset"] as const) {
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
  for (const archive of archives) await run(nodeCommand(node, [...ctr, archive]), { within: PATIENCE });
}

interface Conditions {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function holds(object: Conditions | undefined, type: string): boolean {
  return object?.status?.conditions?.some((each) => each.type === type && each.status === "True") ?? false;
}

async function isNodeReady(api: Api, name: string): Promise<boolean> {
  return holds(await api.find<Conditions>(`/api/v1/nodes/${name}`), "Ready");
}

async function isEstablished(api: Api): Promise<boolean> {
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/jobsets.jobset.x-k8s.io";
  return holds(await api.find<Conditions>(path), "Established");
}

/** A third number for 10.99.x.0/24 that the machine has no address with. By chance, so that two clusters at once hardly meet. */
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
