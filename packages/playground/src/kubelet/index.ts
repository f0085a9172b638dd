// The node: runs the pods that are bound to it, and reports their status to the API.

import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { chooseConfinement, type Confinement } from "../runtime/confinement.ts";
import type { LogReadOptions } from "../runtime/container-log.ts";
import { makeDeviceTemplate } from "../runtime/device-template.ts";
import { defaultImages, makeAppletFolder, type ImageTools } from "../runtime/image.ts";
import { PipePool } from "../runtime/pipes.ts";
import { Watchdog } from "../runtime/watchdog.ts";
import { StatusError } from "../status-error.ts";
import type { ExecProcess, ObjectStore, StoredObject } from "../world.ts";
import type { ContainerRecord } from "./container-record.ts";
import { Gate } from "./gate.ts";
import type { ContainerInfo, Kubelet, KubeletOptions } from "./kubelet.ts";
import { defaultContainer, podSpec } from "./pod-spec.ts";
import type { PodNode } from "./pod-node.ts";
import { PodWorker } from "./pod-worker.ts";
import { dataOf } from "./source-data.ts";
import { hostIp, nodeName, registerNode, schedule } from "./scheduler.ts";

/**
 * Starts the node. The store's events trigger it; disposing it ends every process and removes every file, and so does
 * a watchdog if this process is killed.
 *
 * Differences to a real node:
 * - All containers share this machine's network; the addresses in a pod's status are made up.
 * - `hostPath` and claims are folders of the playground, never of this machine. The files of
 *   ConfigMaps and Secrets follow their object after `projectionDelay`, by one swap of the link `..data` for each volume.
 * - Probes other than `exec` count as passed; lifecycle hooks, resources and image pull policies do nothing.
 * - A process's standard input is a socket, so it can't be opened again as `/dev/stdin`.
 * - Confined, but not as root: `runAsUser` is a start error.
 * - Unconfined: an absolute path is the machine's, not the container's. `PLAYGROUND_ROOT` names the container's folder, `TMPDIR` a
 *   folder in it. Mounts are symlinks; `sizeLimit` and `runAsUser` are ignored. A process that starts its own session outlives its
 *   container. Where the machine has a write fence (see `WriteFence`; `confinement` reports it), a process can write to the container's
 *   folder and its volumes only, which also enforces `readOnlyRootFilesystem`, and `readOnly` unless the container mounts the same
 *   folder twice. Elsewhere nothing stops a process from writing to the machine.
 */
export function createKubelet(store: ObjectStore, options: KubeletOptions = {}): Kubelet {
  return new PlaygroundKubelet(store, options);
}

class PlaygroundKubelet implements Kubelet {
  readonly confinement: Promise<Confinement>;
  readonly #store: ObjectStore;
  readonly #options: KubeletOptions;
  readonly #workers = new Map<string, PodWorker>();
  readonly #taking = new Set<string>();
  readonly #subscription: Disposable;
  readonly #node: Promise<PodNode>;
  #watchdog: Watchdog | undefined;
  #directory: string | undefined;
  #closed = false;
  #pods = 0;

  constructor(store: ObjectStore, options: KubeletOptions) {
    this.#store = store;
    this.#options = options;
    this.confinement = chooseConfinement(options.confinement ?? "auto");
    this.confinement.catch(() => undefined);
    this.#node = this.#open();
    this.#node.catch(() => undefined);
    registerNode(store);
    this.#subscription = store.subscribe(({ type, resource, object }) => {
      if (resource === "configmaps" || resource === "secrets") {
        const { namespace, name } = object.metadata;
        for (const worker of this.#workers.values()) {
          if (worker.namespace === namespace) worker.sourceChanged(resource, name);
        }
        return;
      }
      if (resource !== "pods") return;
      if (type === "DELETED") this.#workers.get(object.metadata.uid)?.abandon();
      else this.#see(object);
    });
    for (const pod of store.list("pods")) this.#see(pod);
  }

  async exec(
    pod: { readonly namespace: string; readonly name: string },
    container: string | undefined,
    command: readonly string[],
    options: { readonly stdin: boolean },
  ): Promise<ExecProcess> {
    const { running, spec } = this.#record(pod.namespace, pod.name, container);
    if (running === undefined) throw notRunning(spec.name);
    return running.exec(command, options);
  }

  logs(
    pod: { readonly namespace: string; readonly name: string },
    container: string | undefined,
    options: LogReadOptions & { readonly previous?: boolean },
  ): Promise<Readable> {
    try {
      const record = this.#record(pod.namespace, pod.name, container);
      const { state, spec } = record;
      if (options.previous === true) {
        if (record.previousLog === undefined) {
          throw new StatusError(
            400,
            "BadRequest",
            `previous terminated container "${spec.name}" in pod "${pod.name}" not found`,
          );
        }
        return Promise.resolve(record.previousLog.read({ ...options, follow: false }));
      }
      if (record.containerId === undefined && state.kind === "waiting") {
        throw new StatusError(
          400,
          "BadRequest",
          `container "${spec.name}" in pod "${pod.name}" is waiting to start: ${state.reason}`,
        );
      }
      return Promise.resolve(record.log.read(options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  containers(): ContainerInfo[] {
    return [...this.#workers.values()].flatMap((worker) =>
      worker.containers.map((record) => ({
        namespace: worker.namespace,
        pod: worker.name,
        podUid: worker.uid,
        container: record.spec.name,
        containerId: record.containerId,
        restartCount: record.restartCount,
        pid: record.running?.pid,
      })),
    );
  }

  killContainer(namespace: string, pod: string, container: string, signal: NodeJS.Signals = "SIGKILL"): void {
    const { running } = this.#record(namespace, pod, container);
    if (running === undefined) throw notRunning(container);
    running.signal(signal);
  }

  root(namespace: string, pod: string, container: string): string {
    return rootOf(this.#record(namespace, pod, container));
  }

  pathOf(namespace: string, pod: string, container: string, path: string): string {
    const record = this.#record(namespace, pod, container);
    return join(record.running?.liveRoot ?? rootOf(record), path);
  }

  hostPathOf(podUid: string, container: string): string {
    const record = this.#workers.get(podUid)?.container(container);
    if (record === undefined)
      throw new StatusError(404, "NotFound", `container "${container}" of pod ${podUid} not found`);
    return rootOf(record);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#subscription[Symbol.dispose]();
    const workers = [...this.#workers.values()];
    for (const worker of workers) worker.leave();
    await Promise.all(workers.map(({ ended }) => ended));
    await this.#node.catch(() => undefined);
    await this.#watchdog?.close();
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }

  async #open(): Promise<PodNode> {
    const confinement = await this.confinement;
    const directory = await mkdtemp(join(tmpdir(), "playground-node-"));
    this.#directory = directory;
    const watchdog = new Watchdog(directory);
    this.#watchdog = watchdog;
    const { startDelay = 0, backOff, maximumGraceSeconds = Infinity, images, projectionDelay = 1000 } = this.#options;
    return {
      store: this.#store,
      confinement,
      images: { ...defaultImages(), ...images },
      tools: await placeTools(confinement, directory),
      directory,
      watchdog,
      starts: new Gate(2 * availableParallelism() + 2),
      pipes: new PipePool(join(directory, "pipes")),
      hostIp,
      sources: (namespace) => ({ data: (kind, name) => dataOf(this.#store.get(kind, namespace, name)) }),
      nextPodIp: () => {
        this.#pods += 1;
        return `10.244.${(this.#pods >> 8) & 255}.${this.#pods & 255}`;
      },
      startDelay: typeof startDelay === "number" ? () => startDelay : startDelay,
      backOff: {
        initialMilliseconds: backOff?.initialMilliseconds ?? 100,
        maximumMilliseconds: backOff?.maximumMilliseconds ?? 2000,
      },
      maximumGraceSeconds,
      projectionDelay,
      forget: (podUid) => this.#workers.delete(podUid),
    };
  }

  #see(pod: StoredObject): void {
    const { uid } = pod.metadata;
    const worker = this.#workers.get(uid);
    if (worker !== undefined) {
      worker.update(pod);
    } else if (podSpec(pod).nodeName === nodeName) {
      if (!isFinished(pod)) void this.#take(pod);
    } else if (podSpec(pod).nodeName === undefined && pod.metadata.deletionTimestamp === undefined) {
      schedule(this.#store, pod);
    }
  }

  /** Creates the pod's worker as soon as the node is ready. */
  async #take({ metadata: { namespace, name, uid } }: StoredObject): Promise<void> {
    if (this.#taking.has(uid)) return;
    this.#taking.add(uid);
    const node = await this.#node.catch(() => undefined);
    this.#taking.delete(uid);
    const pod = this.#store.get("pods", namespace, name);
    if (node === undefined || this.#closed || pod === undefined || pod.metadata.uid !== uid) return;
    const worker = new PodWorker(node, pod);
    this.#workers.set(uid, worker);
    if (pod.metadata.deletionTimestamp !== undefined) worker.update(pod);
  }

  #record(namespace: string, name: string, container: string | undefined): ContainerRecord {
    const pod = this.#store.get("pods", namespace, name);
    if (pod === undefined) throw new StatusError(404, "NotFound", `pods "${name}" not found`, { name, kind: "pods" });
    const containerName = container ?? defaultContainer(pod) ?? "";
    const worker = this.#workers.get(pod.metadata.uid);
    const record = worker?.container(containerName);
    if (record !== undefined) return record;
    const spec = podSpec(pod);
    const known = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
    if (!known.some((candidate) => candidate.name === containerName)) {
      throw new StatusError(400, "BadRequest", `container ${containerName} is not valid for pod ${name}`);
    }
    throw new StatusError(400, "BadRequest", `pod ${name} does not have a host assigned`);
  }
}

function rootOf(record: ContainerRecord): string {
  if (record.root === undefined) {
    throw new StatusError(400, "BadRequest", `container "${record.spec.name}" has not started yet`);
  }
  return record.root;
}

/** The real API server's error after the upgrade, on the status channel. */
function notRunning(container: string): StatusError {
  return new StatusError(
    500,
    "InternalError",
    `Internal error occurred: unable to upgrade connection: container not found ("${container}")`,
  );
}

function isFinished(pod: StoredObject): boolean {
  const phase = pod.status?.["phase"];
  return phase === "Succeeded" || phase === "Failed";
}

/** Prepares the tools that confined containers share. */
async function placeTools(confinement: Confinement, directory: string): Promise<ImageTools> {
  if (confinement.kind === "unconfined") return { confined: false };
  const { busybox } = confinement.tools;
  const appletFolder = join(directory, "tools/bin");
  await makeAppletFolder(appletFolder, busybox);
  await makeDeviceTemplate(join(directory, "tools/dev"), busybox);
  return { confined: true, appletFolder };
}
