import { createPlayground } from "@kinsync/playground";
import { execute } from "./command.ts";
import { lookByKubectl, lookByProcess, pidByCgroup } from "./bytes.ts";
import type { Looker, Place } from "./bytes.ts";
import { Kubectl } from "./kubectl.ts";
import { settingsFromEnvironment } from "./settings.ts";
import type { Settings } from "./settings.ts";

/**
 * What a situation cannot do without.
 * - `jobset`: the JobSet controller
 * - `rbac`: roles and service accounts
 * - `real`: a real kubelet and a real container runtime
 * - `control`: the right to kill processes of the node
 * - `image:NAME`: an image that is on the nodes
 */
export type Need = "jobset" | "rbac" | "real" | "control" | `image:${string}`;

/** A Kubernetes, and how its containers are seen. */
export interface World extends AsyncDisposable {
  readonly settings: Settings;
  readonly title: string;
  readonly kubectl: Kubectl;
  /** Kubeconfig of an administrator. */
  readonly kubeconfig: string;
  readonly image: string;
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
    lookerFor: () => Promise.resolve(looker),
    lacks: (need) =>
      Promise.resolve(
        need === "jobset" && kind === "confined" ? undefined : `the playground (${kind}) cannot give: ${need}`,
      ),
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
    image: settings.image,
    lookerFor: async (place) => ((await pidByCgroup(place)) === undefined ? byKubectl : byProcess),
    lacks: (need) => lackOfCluster(settings, kubectl, need),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

async function lackOfCluster(settings: Settings, kubectl: Kubectl, need: Need): Promise<string | undefined> {
  switch (need) {
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
    default: {
      const image = need.slice("image:".length);
      const path = "{.items[*].status.images[*].names[*]}";
      const names = await kubectl.run(["get", "nodes", "-o", `jsonpath=${path}`]);
      return names.split(/\s+/).includes(image) ? undefined : `no node has the image ${image}`;
    }
  }
}
