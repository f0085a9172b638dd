import { createPlayground } from "@kinsync/playground";
import type { ImageName } from "../images/image-names.ts";
import { filesByKubectl, filesByProcess, pidByCgroup } from "./container-files.ts";
import type { ContainerFiles, ContainerRef } from "./container-files.ts";
import { Kubectl } from "./kubectl.ts";
import { playgroundLack } from "./needs.ts";
import type { Need } from "./needs.ts";
import { realClusterLack } from "./real-cluster-lack.ts";
import { settingsFromEnvironment } from "./settings.ts";
import type { Settings } from "./settings.ts";

/** The Kubernetes of the situations: a real cluster or the playground. */
export interface TestCluster extends AsyncDisposable {
  readonly settings: Settings;
  readonly kubectl: Kubectl;
  /** Kubeconfig of an administrator. */
  readonly kubeconfig: string;
  /** Image with a busybox that has sh and tar. */
  readonly image: string;
  /** Reference of an image that the situation lists among its needs. */
  imageOf(name: ImageName): string;
  /** How the files of a container can be read. */
  filesOf(container: ContainerRef): Promise<ContainerFiles>;
  /** Why a need is not met, `undefined` if it is. */
  lacks(need: Need): Promise<string | undefined>;
}

let current: Promise<TestCluster> | undefined;

/** The cluster of this test file; opened by the first call. */
export function openTestCluster(): Promise<TestCluster> {
  return (current ??= open(settingsFromEnvironment()));
}

/** Closes the cluster of this test file, if it was opened. */
export async function closeTestCluster(): Promise<void> {
  const opened = current;
  current = undefined;
  await (await opened)?.[Symbol.asyncDispose]();
}

function open(settings: Settings): Promise<TestCluster> {
  return settings.target === "playground" ? openPlayground(settings) : openRealCluster(settings);
}

async function openPlayground(settings: Settings): Promise<TestCluster> {
  const playground = await createPlayground();
  const { kind } = await playground.kubelet.confinement;
  const kubectl = new Kubectl(["kubectl", "--kubeconfig", playground.kubeconfigPath]);
  const byProcess = filesByProcess(({ containerId }) =>
    Promise.resolve(playground.kubelet.containers().find((each) => each.containerId === containerId)?.pid),
  );
  const files = kind === "confined" ? byProcess : filesByKubectl(kubectl.argv);
  return {
    settings,
    kubectl,
    kubeconfig: playground.kubeconfigPath,
    image: "playground/busybox",
    imageOf: (name) => `playground/${name}`,
    filesOf: () => Promise.resolve(files),
    lacks: (need) => Promise.resolve(playgroundLack(need, kind === "confined")),
    [Symbol.asyncDispose]: () => playground.close(),
  };
}

function openRealCluster(settings: Settings): Promise<TestCluster> {
  const kubectl = new Kubectl(["kubectl", "--kubeconfig", settings.kubeconfig]);
  const byProcess = filesByProcess();
  const byKubectl = filesByKubectl(kubectl.argv);
  return Promise.resolve({
    settings,
    kubectl,
    kubeconfig: settings.kubeconfig,
    image: settings.images.busybox.reference,
    imageOf: (name) => settings.images[name].reference,
    filesOf: async (container) => ((await pidByCgroup(container)) === undefined ? byKubectl : byProcess),
    lacks: (need) => realClusterLack(settings, kubectl, need),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}
