import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { connectCluster } from "@kinsync/core/cluster";
import type { ClusterConnection, Pod } from "@kinsync/core/contract";
import { insideOf } from "./container-commands.ts";
import type { Inside } from "./container-commands.ts";
import type { PlaygroundMessage, PlaygroundQuestion } from "./playground-process.ts";
import { end, run } from "./process.ts";

export interface WorldOptions {
  /** `undefined`: a playground. */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** Of the pods. Default: `localhost/busybox:1`; on the playground its own. */
  readonly image: string | undefined;
  /** Which CLI is run: from its sources, or as `npm run build` made it. */
  readonly form: "source" | "built";
  /** `sh -c` of each pod, after the folders of the bench were made; not with an image of python3 alone. Default: sleeps. */
  readonly command: string | undefined;
}

/** A StatefulSet of the bench and its pods, all running. */
export interface Group {
  readonly size: number;
  /** As kinsync takes it: `sts/bench-5-a1b2`. */
  readonly workload: string;
  readonly pods: readonly string[];
}

/** A cluster to measure in, with a namespace of its own (on the playground: all of it). */
export interface World extends AsyncDisposable {
  /** One line: what kind of cluster, which versions. */
  readonly title: string;
  /** Version of the API server. */
  readonly version: string;
  readonly image: string;
  /** How to speak to the containers of this image. */
  readonly inside: Inside;
  /** Which CLI is to be run. */
  readonly form: "source" | "built";
  readonly kubeconfig: string;
  readonly context: string;
  readonly namespace: string;
  readonly cluster: ClusterConnection;
  /** `kubectl` with this kubeconfig, context and namespace; `undefined` where there is none on PATH. */
  readonly kubectl: readonly [file: string, ...args: string[]] | undefined;
  /** Makes as many pods and waits until they run. Each working directory has the folders `bench/lib`, `bench/cli` and `bench/raw`. */
  group(size: number): Promise<Group>;
  /** A folder below the working directory of a container, as a path of this machine; `undefined` where the pod is elsewhere. */
  outside(pod: string, folder: string): Promise<string | undefined>;
}

const FOLDERS = ["bench/lib", "bench/cli", "bench/raw"];
const START = 120_000;

export async function createWorld(options: WorldOptions): Promise<World> {
  return options.kubeconfig === undefined ? playgroundWorld(options) : clusterWorld(options, options.kubeconfig);
}

async function playgroundWorld(options: WorldOptions): Promise<World> {
  const child = fork(new URL("playground-process.ts", import.meta.url), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const waiting = new Map<number, (answer: string) => void>();
  let next = 0;
  const started = Promise.withResolvers<{ readonly kubeconfig: string; readonly confinement: string }>();
  child.on("message", (message: PlaygroundMessage) => {
    if ("kubeconfig" in message) started.resolve(message);
    else waiting.get(message.id)?.(message.answer);
  });
  child.once("exit", () => started.reject(new Error("the playground did not start")));
  const ask = (question: { apply: string } | { pod: string; path: string }): Promise<string> =>
    new Promise((resolve) => {
      next += 1;
      waiting.set(next, resolve);
      child.send({ id: next, ...question } satisfies PlaygroundQuestion);
    });
  const { kubeconfig, confinement } = await started.promise;
  const context = "kinsync-playground";
  const cluster = await connectCluster({ env: {}, kubeconfig });
  const image = options.image ?? "playground/busybox";
  return {
    title: `playground, containers ${confinement}`,
    version: await versionOf(cluster),
    image,
    inside: insideOf(image),
    form: options.form,
    kubeconfig,
    context,
    namespace: "default",
    cluster,
    kubectl: await findKubectl(["--kubeconfig", kubeconfig]),
    async group(size) {
      const name = groupName(size);
      await ask({ apply: manifest(name, size, image, options.command) });
      return untilRunning(cluster, "default", name, size);
    },
    outside: (pod, folder) => ask({ pod, path: `/app/${folder}` }),
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      child.removeAllListeners();
      // It ends by itself, after its containers and files; a signal would leave those behind.
      const exit = once(child, "exit");
      child.disconnect();
      await Promise.race([exit, delay(10_000)]);
      await end(child);
    },
  };
}

async function clusterWorld(options: WorldOptions, kubeconfig: string): Promise<World> {
  const chosen = options.context === undefined ? {} : { context: options.context };
  const cluster = await connectCluster({ env: process.env, kubeconfig, ...chosen });
  const flags = ["--kubeconfig", kubeconfig, "--context", cluster.context];
  const kubectl = await findKubectl(flags);
  if (kubectl === undefined) throw new Error("pods on a cluster are made by kubectl, and there is none on PATH");
  const namespace = `kinsync-bench-${randomBytes(3).toString("hex")}`;
  const [file, ...args] = kubectl;
  await run(file, [...args, "create", "namespace", namespace]);
  const inside: World["kubectl"] = [file, ...args, "--namespace", namespace];
  const version = await versionOf(cluster);
  const image = options.image ?? "localhost/busybox:1";
  const pids = new Map<string, number>();
  return {
    title: `Kubernetes ${version}, image ${image}`,
    version,
    image,
    inside: insideOf(image),
    form: options.form,
    kubeconfig,
    context: cluster.context,
    namespace,
    cluster,
    kubectl: inside,
    async group(size) {
      const name = groupName(size);
      await run(file, [...inside.slice(1), "create", "-f", "-"], {
        input: manifest(name, size, image, options.command),
      });
      return untilRunning(cluster, namespace, name, size);
    },
    async outside(pod, folder) {
      if (!pids.has(pod)) await findPids(pids);
      const pid = pids.get(pod);
      return pid === undefined ? undefined : `/proc/${pid}/cwd/${folder}`;
    },
    async [Symbol.asyncDispose]() {
      // The end of many pods would weigh on what is measured next.
      const pods = ["delete", "statefulsets", "--all", "--cascade=foreground", "--timeout=60s"];
      await run(file, [...inside.slice(1), ...pods], { timeout: 70_000 }).catch(() => {});
      await run(file, [...args, "delete", "namespace", namespace, "--wait=false"]).catch(() => {});
      await cluster[Symbol.asyncDispose]();
    },
  };
}

async function findKubectl(flags: readonly string[]): Promise<World["kubectl"]> {
  try {
    await run("kubectl", ["version", "--client"]);
    return ["kubectl", ...flags];
  } catch {
    return undefined;
  }
}

/** A name that no other pod of the machine has: containers are told apart by it. */
function groupName(size: number): string {
  return `bench-${size}-${randomBytes(2).toString("hex")}`;
}

function manifest(name: string, size: number, image: string, command: string | undefined): string {
  const idle = insideOf(image).idle(FOLDERS, command);
  const container = { name: "main", image, imagePullPolicy: "IfNotPresent", command: idle };
  return JSON.stringify({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name },
    spec: {
      replicas: size,
      serviceName: name,
      podManagementPolicy: "Parallel",
      selector: { matchLabels: { bench: name } },
      template: {
        metadata: { labels: { bench: name } },
        spec: { terminationGracePeriodSeconds: 0, containers: [container] },
      },
    },
  });
}

async function versionOf(cluster: ClusterConnection): Promise<string> {
  const answer = await cluster.request({ path: "/version", signal: AbortSignal.timeout(10_000) });
  return ((await answer.json()) as { gitVersion: string }).gitVersion;
}

async function untilRunning(cluster: ClusterConnection, namespace: string, name: string, size: number): Promise<Group> {
  const signal = AbortSignal.timeout(START);
  for (;;) {
    const answer = await cluster.request({
      path: `/api/v1/namespaces/${namespace}/pods`,
      query: { labelSelector: `bench=${name}` },
      signal,
    });
    const { items } = (await answer.json()) as { items: readonly Pod[] };
    const pods = items.filter(isRunning).map((pod) => pod.metadata.name);
    if (pods.length === size) return { size, workload: `sts/${name}`, pods: pods.toSorted() };
    await delay(200, undefined, { signal });
  }
}

function isRunning({ status }: Pod): boolean {
  return status?.containerStatuses?.[0]?.state?.running !== undefined;
}

/** PID 1 of the containers on this machine, by what the kubelet puts into their environment. The oldest process is it. */
async function findPids(found: Map<string, number>): Promise<void> {
  const all = (await readdir("/proc").catch(() => [])).map(Number).filter(Number.isInteger);
  for (const pid of all.toSorted((a, b) => b - a)) {
    const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    const pod = /(?:^|\0)HOSTNAME=(bench-[^\0]*)/.exec(environment)?.[1];
    if (pod !== undefined) found.set(pod, pid);
  }
}
