import { readdir, readFile } from "node:fs/promises";
import { createPlayground } from "@kinsync/playground";
import { execute } from "./command.ts";
import { lookByKubectl, lookByProcess, pidByCgroup } from "./container-files.ts";
import type { Looker, Place } from "./container-files.ts";
import type { ImageName } from "../images/image-map.ts";
import { Kubectl } from "./kubectl.ts";
import { container, jobSet, podSpec, replicatedJob } from "./manifests.ts";
import type { KubeObject } from "./objects.ts";
import { SPARE_TAINT } from "./labels.ts";
import { lackOfPlayground } from "./needs.ts";
import type { Need } from "./needs.ts";
import { settingsFromEnvironment } from "./settings.ts";
import type { Settings } from "./settings.ts";

/** A Kubernetes, and how its containers are seen. */
export interface World extends AsyncDisposable {
  readonly settings: Settings;
  readonly title: string;
  readonly kubectl: Kubectl;
  /** Kubeconfig of an administrator. */
  readonly kubeconfig: string;
  /** Image with a busybox that has sh and tar. */
  readonly image: string;
  /** Reference of an image that was said to be needed. */
  imageOf(name: ImageName): string;
  /** Chosen by what works for this container. */
  lookerFor(place: Place): Promise<Looker>;
  /** Why a need is not met, `undefined` where it is. */
  lacks(need: Need): Promise<string | undefined>;
}

let world: Promise<World> | undefined;

/** The world of this test file; made when it is first asked for. */
export function openWorld(): Promise<World> {
  return (world ??= makeWorld(settingsFromEnvironment()));
}

/** Ends the world of this test file, if there is one. */
export async function closeWorld(): Promise<void> {
  const opened = world;
  world = undefined;
  await (await opened)?.[Symbol.asyncDispose]();
}

function makeWorld(settings: Settings): Promise<World> {
  return settings.world === "playground" ? playgroundWorld(settings) : clusterWorld(settings);
}

async function playgroundWorld(settings: Settings): Promise<World> {
  const playground = await createPlayground();
  const { kind } = await playground.kubelet.confinement;
  const kubectl = new Kubectl(["kubectl", "--kubeconfig", playground.kubeconfigPath]);
  const byProcess = lookByProcess(({ containerId }) =>
    Promise.resolve(playground.kubelet.containers().find((each) => each.containerId === containerId)?.pid),
  );
  const looker = kind === "confined" ? byProcess : lookByKubectl(kubectl.argv);
  return {
    settings,
    title: `playground, containers ${kind}`,
    kubectl,
    kubeconfig: playground.kubeconfigPath,
    image: "playground/busybox",
    imageOf: (name) => `playground/${name}`,
    lookerFor: () => Promise.resolve(looker),
    lacks: (need) => Promise.resolve(lackOfPlayground(need, kind === "confined")),
    [Symbol.asyncDispose]: () => playground.close(),
  };
}

function clusterWorld(settings: Settings): Promise<World> {
  const kubectl = new Kubectl(["kubectl", "--kubeconfig", settings.kubeconfig]);
  const byProcess = lookByProcess();
  const byKubectl = lookByKubectl(kubectl.argv);
  return Promise.resolve({
    settings,
    title: settings.kubeconfig,
    kubectl,
    kubeconfig: settings.kubeconfig,
    image: settings.images.busybox.reference,
    imageOf: (name) => settings.images[name].reference,
    lookerFor: async (place) => ((await pidByCgroup(place)) === undefined ? byKubectl : byProcess),
    lacks: (need) => lackOfCluster(settings, kubectl, need),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

async function lackOfCluster(settings: Settings, kubectl: Kubectl, need: Need): Promise<string | undefined> {
  switch (need) {
    case "paths":
    case "rbac":
    case "real":
      return undefined;
    case "control":
      return settings.control ? undefined : "nobody said that processes of the node may be killed (--control)";
    case "jobset": {
      const { code, stderr } = await execute([...kubectl.argv, "get", "--raw", "/apis/jobset.x-k8s.io/v1alpha2"]);
      if (code === 0) return undefined;
      // A cluster that does not answer lacks nothing that could be skipped.
      if (!stderr.includes("NotFound")) throw new Error(`the cluster does not tell what it has: ${stderr}`);
      return "the cluster has no JobSet controller";
    }
    case "jobset-gates": {
      const asked = [...kubectl.argv, "create", "--namespace", "default", "--dry-run=server", "-f", "-"];
      const { code, stderr } = await execute(asked, { input: JSON.stringify(GATED) });
      if (code === 0) return undefined;
      if (!/feature gate|no matches for kind/.test(stderr)) throw new Error(`the cluster does not tell: ${stderr}`);
      return "the JobSet controller, if there is one, has its alpha gates shut";
    }
    case "nodes:2": {
      const { length } = (await kubectl.list<Node>("nodes")).filter(takesPods);
      return length >= 2 ? undefined : `the cluster has ${length} nodes that take pods`;
    }
    case "eyes":
      return (await seesKubelet()) ? undefined : "no kubelet is seen from here: tar has to be in what is looked into";
    default: {
      const { reference, isNamed } = settings.images[need.slice("image:".length) as ImageName];
      // Whoever names an image says that it can be had. A node does not list what it has yet to pull, nor more than 50.
      if (isNamed) return undefined;
      const without = (await kubectl.list<Node>("nodes")).filter((node) => takesPods(node) && !holds(node, reference));
      const names = without.map(({ metadata }) => metadata.name);
      return names.length === 0 ? undefined : `the image ${reference} is not on ${names.join(", ")}`;
    }
  }
}

/** Refused where the gate RestartJob is shut; that of ElasticJobSet is opened with it, and cannot be asked for without a JobSet. */
const GATED = jobSet("gates", [replicatedJob("a", 1, podSpec(container("none")))], {
  failurePolicy: { rules: [{ name: "alone", action: "RestartJob" }] },
});

interface Node extends KubeObject {
  readonly spec: { readonly unschedulable?: boolean; readonly taints?: readonly Taint[] };
  readonly status: { readonly images?: readonly { readonly names?: readonly string[] }[] };
}

interface Taint {
  readonly key: string;
  readonly effect: string;
}

function takesPods({ spec: { unschedulable = false, taints = [] } }: Node): boolean {
  return !unschedulable && taints.every(({ key, effect }) => key === SPARE_TAINT || effect === "PreferNoSchedule");
}

function holds({ status: { images = [] } }: Node, reference: string): boolean {
  return images.some(({ names = [] }) => names.includes(reference));
}

/** True on the node itself, and on a machine whose containers are nodes, for root. */
async function seesKubelet(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    if ((await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")) === "kubelet\n") return true;
  }
  return false;
}
