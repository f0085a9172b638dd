// One pod on the node, from its binding to its end.

import { chmod, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerMount } from "../runtime/confined-script.ts";
import type { Confinement } from "../runtime/confinement.ts";
import { ContainerStartError, startContainer, type ContainerExit } from "../runtime/container.ts";
import { findImage, type ImageTemplate, type ImageTools } from "../runtime/image.ts";
import type { PipePool } from "../runtime/pipes.ts";
import type { Watchdog } from "../runtime/watchdog.ts";
import type { ObjectStore, StoredObject } from "../world.ts";
import { apiTime } from "./api-time.ts";
import { freshFiles, terminationMessage, type ContainerFiles } from "./container-files.ts";
import { ContainerRecord } from "./container-record.ts";
import { delay } from "./delay.ts";
import { MissingConfigError, environmentOf, expand, type EnvironmentSources } from "./environment.ts";
import type { Gate } from "./gate.ts";
import { podSpec, type ContainerSpec, type PodSpec } from "./pod-spec.ts";
import { podPhase, podStatus, type ContainerState } from "./pod-status.ts";
import { watchProbes } from "./probes.ts";
import { PodVolumes, linkMount } from "./volumes.ts";

/** What a pod's worker has from its node. */
export interface PodNode {
  readonly store: ObjectStore;
  readonly confinement: Confinement;
  readonly images: Readonly<Record<string, ImageTemplate>>;
  readonly tools: ImageTools;
  readonly directory: string;
  readonly watchdog: Watchdog;
  readonly pipes: PipePool;
  /** How many containers start at a time: more would only make all of them late. */
  readonly starts: Gate;
  readonly hostIp: string;
  readonly sources: (namespace: string) => EnvironmentSources;
  readonly nextPodIp: () => string;
  /** Milliseconds before a container's process starts. */
  readonly startDelay: (pod: StoredObject, container: string) => number;
  readonly backOff: { readonly initialMilliseconds: number; readonly maximumMilliseconds: number };
  readonly maximumGraceSeconds: number;
  /** Called when nothing of the pod is left, before the API hears of it. */
  readonly forget: (podUid: string) => void;
}

/** A run of this length or more makes the next failure count as the first one. */
const stableRunMilliseconds = 10_000;
/** How often a missing ConfigMap, Secret or image is looked for again. */
const lookAgainMilliseconds = 200;

export class PodWorker {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly containers: ContainerRecord[];
  readonly #node: PodNode;
  readonly #directory: string;
  readonly #startTime = apiTime();
  /** No more starts. */
  readonly #stop = new AbortController();
  /** No more patience. */
  readonly #kill = new AbortController();
  #pod: StoredObject;
  #volumes: PodVolumes | undefined;
  #podIp: string | undefined;
  #killAt = Infinity;
  #killTimer: NodeJS.Timeout | undefined;
  #terminating = false;
  #leaving = false;
  readonly #ended: Promise<void>;
  readonly #lives = new Set<Promise<unknown>>();

  constructor(node: PodNode, pod: StoredObject) {
    this.#node = node;
    this.#pod = pod;
    this.uid = pod.metadata.uid;
    this.namespace = pod.metadata.namespace ?? "default";
    this.name = pod.metadata.name;
    this.#directory = join(node.directory, "pods", this.uid);
    const spec = podSpec(pod);
    const waiting = (spec.initContainers ?? []).length > 0 ? "PodInitializing" : "ContainerCreating";
    this.containers = [
      ...(spec.initContainers ?? []).map(
        (container) =>
          new ContainerRecord(container, container.restartPolicy === "Always" ? "sidecar" : "init", waiting),
      ),
      ...spec.containers.map((container) => new ContainerRecord(container, "main", waiting)),
    ];
    this.#ended = this.#live();
  }

  /** Settles when nothing of the pod is left on the node. Never rejects. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  get pod(): StoredObject {
    return this.#pod;
  }

  container(name: string): ContainerRecord | undefined {
    return this.containers.find(({ spec }) => spec.name === name);
  }

  /** The API has a newer version of the pod. */
  update(pod: StoredObject): void {
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp !== undefined) {
      this.#terminate(pod.metadata.deletionGracePeriodSeconds ?? 0);
      return;
    }
    for (const container of podSpec(pod).ephemeralContainers ?? []) {
      if (this.container(container.name) !== undefined || this.#stop.signal.aborted) continue;
      const record = new ContainerRecord(container, "ephemeral", "ContainerCreating");
      this.containers.push(record);
      void this.#track(this.#supervise(record, "Never")).catch(() => undefined);
    }
  }

  /** The pod is gone from the API: everything stops at once. */
  abandon(): void {
    this.#terminate(0);
  }

  /** The node ends: everything stops at once, and the API keeps what it has. */
  leave(): void {
    this.#leaving = true;
    this.#terminate(0);
  }

  #terminate(graceSeconds: number): void {
    this.#terminating = true;
    const grace = Math.min(graceSeconds, this.#node.maximumGraceSeconds) * 1000;
    const at = Date.now() + grace;
    // A second deletion can only shorten the time.
    if (at < this.#killAt) {
      this.#killAt = at;
      clearTimeout(this.#killTimer);
      if (grace <= 0) this.#kill.abort();
      else this.#killTimer = setTimeout(() => this.#kill.abort(), grace).unref();
    }
    if (!this.#stop.signal.aborted) this.#stop.abort();
  }

  async #live(): Promise<void> {
    // After the constructor: whoever makes the worker has to know it before it writes.
    await Promise.resolve();
    try {
      await this.#run();
    } catch (error) {
      for (const record of this.containers) {
        if (record.state.kind === "waiting") record.wait("CreateContainerError", String(error));
      }
      this.#publish();
      await aborted(this.#stop.signal);
    }
    await this.#end();
  }

  async #run(): Promise<void> {
    this.#publish();
    await mkdir(this.#directory, { recursive: true });
    // Containers of other users have to get through.
    await chmod(this.#directory, 0o755);
    if (!(await this.#openVolumes())) return;
    this.#podIp = this.#node.nextPodIp();
    const policy = podSpec(this.#pod).restartPolicy ?? "Always";
    for (const record of this.containers.filter(({ role }) => role === "init" || role === "sidecar")) {
      if (record.role === "sidecar") {
        const { promise: started, resolve } = Promise.withResolvers<void>();
        void this.#track(this.#supervise(record, "Always", resolve)).catch(() => undefined);
        await Promise.race([started, aborted(this.#stop.signal)]);
      } else {
        const life = this.#track(this.#supervise(record, policy === "Never" ? "Never" : "OnFailure"));
        const code = await Promise.race([life, aborted(this.#stop.signal)]);
        if (code !== 0) return;
      }
      if (this.#stop.signal.aborted) return;
    }
    const lives = this.containers
      .filter(({ role }) => role === "main")
      .map((record) => this.#track(this.#supervise(record, policy)));
    await Promise.race([Promise.all(lives), aborted(this.#stop.signal)]);
  }

  /** Ends what still runs, tells the last state and takes everything away. */
  async #end(): Promise<void> {
    await this.#stopContainers("main");
    await this.#stopContainers("ephemeral");
    await this.#stopContainers("init");
    await this.#stopContainers("sidecar");
    await Promise.allSettled(this.#lives);
    this.#publish();
    // A finished pod keeps its last files until it is deleted, so that one can look at them.
    await aborted(this.#stop.signal);
    clearTimeout(this.#killTimer);
    for (const { log } of this.containers) log.end();
    await this.#volumes?.close();
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 });
    this.#node.forget(this.uid);
    if (!this.#leaving) this.#node.store.remove("pods", this.namespace, this.name, this.uid);
  }

  async #stopContainers(role: ContainerRecord["role"]): Promise<void> {
    // Sidecars go one by one, the last that started first: the order in which others lean on them.
    const running = this.containers.filter((record) => record.role === role && record.running !== undefined);
    for (const record of this.containers) if (record.role === role) record.stopping = true;
    const groups = role === "sidecar" ? running.toReversed().map((record) => [record]) : [running];
    for (const group of groups) await Promise.all(group.map((record) => this.#stopContainer(record)));
  }

  async #stopContainer(record: ContainerRecord): Promise<void> {
    const { running } = record;
    if (running === undefined) return;
    const kill = (): void => running.signal("SIGKILL");
    if (this.#kill.signal.aborted) kill();
    else running.signal("SIGTERM");
    this.#kill.signal.addEventListener("abort", kill, { once: true });
    const own = Math.min(podSpec(this.#pod).terminationGracePeriodSeconds ?? 30, this.#node.maximumGraceSeconds);
    const timer = setTimeout(kill, own * 1000).unref();
    await running.exited;
    clearTimeout(timer);
    this.#kill.signal.removeEventListener("abort", kill);
  }

  async #openVolumes(): Promise<boolean> {
    while (!this.#stop.signal.aborted) {
      try {
        this.#volumes = await PodVolumes.open(podSpec(this.#pod), {
          podDirectory: this.#directory,
          nodeDirectory: this.#node.directory,
          namespace: this.namespace,
          confinement: this.#node.confinement,
          watchdog: this.#node.watchdog,
          sources: this.#node.sources(this.namespace),
        });
        return true;
      } catch (error) {
        if (!(error instanceof MissingConfigError)) throw error;
        await delay(lookAgainMilliseconds, this.#stop.signal);
      }
    }
    return false;
  }

  /** Runs a container as often as the policy says. @returns the last exit code. */
  async #supervise(record: ContainerRecord, policy: PodSpec["restartPolicy"], onStarted?: () => void): Promise<number> {
    let failures = 0;
    for (;;) {
      const begun = Date.now();
      const exit = await this.#runOnce(record, onStarted);
      if (exit === undefined) return 0;
      const again = policy === "Always" || (policy === "OnFailure" && exit.code !== 0);
      if (!again || record.stopping || this.#stop.signal.aborted) return exit.code;
      failures = Date.now() - begun >= stableRunMilliseconds ? 0 : failures + 1;
      // As the kubelet: the first restart comes at once, the later ones wait.
      if (failures < 2) continue;
      const { initialMilliseconds, maximumMilliseconds } = this.#node.backOff;
      const pause = Math.min(initialMilliseconds * 2 ** (failures - 2), maximumMilliseconds);
      record.wait(
        "CrashLoopBackOff",
        `back-off ${pause}ms restarting failed container=${record.spec.name} pod=${this.name}_${this.namespace}(${this.uid})`,
      );
      this.#publish();
      if (!(await delay(pause, this.#stop.signal)) || record.stopping) return exit.code;
    }
  }

  /** @returns how the run ended, `undefined` where there was none because the pod ends. */
  async #runOnce(record: ContainerRecord, onStarted?: () => void): Promise<ContainerExit | undefined> {
    const image = await this.#pull(record);
    const env = image === undefined ? undefined : await this.#environment(record, image);
    if (image === undefined || env === undefined) return undefined;
    const pause = this.#node.startDelay(this.#pod, record.spec.name);
    if (pause > 0 && !(await delay(pause, this.#stop.signal))) return undefined;
    if (this.#stop.signal.aborted) return undefined;

    const files = await freshFiles(this.#directory, record.spec.name, image, this.#node.tools);
    const containerId = `playground://${files.id}`;
    record.begin(containerId);
    record.root = files.root;
    const startedAt = apiTime();
    try {
      record.running = await this.#node.starts.run(() => this.#start(record, image, env, files));
    } catch (error) {
      const code = error instanceof ContainerStartError ? error.code : 128;
      record.state = {
        kind: "terminated",
        exitCode: code,
        reason: "StartError",
        message: `failed to create task: ${error instanceof Error ? error.message : String(error)}`,
        startedAt: "1970-01-01T00:00:00Z",
        finishedAt: apiTime(),
        containerId,
      };
      this.#publish();
      return { code };
    }
    record.state = { kind: "running", startedAt };
    record.started = record.spec.startupProbe === undefined;
    record.probedReady = record.spec.readinessProbe === undefined && record.started;
    // A container that was asked to stop while it was starting.
    if (this.#stop.signal.aborted) void this.#stopContainer(record);
    this.#publish();
    const { running } = record;
    const probes = watchProbes(record, running, () => {
      if (record.started) onStarted?.();
      this.#publish();
    });
    if (record.started) onStarted?.();
    const exit = await running.exited;
    probes[Symbol.dispose]();
    record.running = undefined;
    record.started = false;
    record.log.end();
    record.state = await ended(record, files, exit, startedAt, containerId);
    this.#publish();
    return exit;
  }

  /** Finds the image, for as long as it takes. */
  async #pull(record: ContainerRecord): Promise<ImageTemplate | undefined> {
    let pause = this.#node.backOff.initialMilliseconds;
    while (!this.#stop.signal.aborted) {
      const name = record.spec.image ?? "";
      const image = findImage(this.#node.images, name);
      if (image !== undefined) return image;
      const why = `failed to pull image "${name}": no image of that name is registered in the playground`;
      record.wait("ErrImagePull", why);
      this.#publish();
      if (!(await delay(pause, this.#stop.signal))) break;
      record.wait("ImagePullBackOff", `Back-off pulling image "${name}": ErrImagePull: ${why}`);
      this.#publish();
      if (!(await delay(pause, this.#stop.signal))) break;
      pause = Math.min(pause * 2, this.#node.backOff.maximumMilliseconds);
      record.spec = this.#currentSpec(record);
    }
    return undefined;
  }

  async #environment(record: ContainerRecord, image: ImageTemplate): Promise<Record<string, string> | undefined> {
    const confined = this.#node.confinement.kind === "confined";
    const base: Record<string, string> = {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/root",
      ...image.env,
      // Unconfined commands are the machine's own.
      ...(confined ? {} : { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: process.env["HOME"] ?? "/" }),
      HOSTNAME: this.#hostname(),
    };
    while (!this.#stop.signal.aborted) {
      try {
        const pod = { ...this.#pod, status: { ...this.#pod.status, podIP: this.#podIp, hostIP: this.#node.hostIp } };
        return environmentOf(pod, record.spec, base, this.#node.sources(this.namespace));
      } catch (error) {
        if (!(error instanceof MissingConfigError)) throw error;
        record.wait("CreateContainerConfigError", error.message);
        this.#publish();
        await delay(lookAgainMilliseconds, this.#stop.signal);
      }
    }
    return undefined;
  }

  async #start(
    record: ContainerRecord,
    image: ImageTemplate,
    env: Record<string, string>,
    files: ContainerFiles,
  ): ReturnType<typeof startContainer> {
    const { spec } = record;
    const confined = this.#node.confinement.kind === "confined";
    const mounts = await this.#mounts(spec, image, files);
    if (!confined) {
      for (const mount of mounts) await linkMount(files.root, mount);
      env["KINSYNC_PLAYGROUND_ROOT"] = files.root;
      env["KINSYNC_PLAYGROUND_POD_UID"] = this.uid;
      env["KINSYNC_PLAYGROUND_CONTAINER_ID"] = files.id;
    }
    const context = { ...podSpec(this.#pod).securityContext, ...spec.securityContext };
    const { runAsUser: uid = 0, runAsGroup: gid = uid } = context;
    const joinPid = this.#volumes?.pid;
    return startContainer(this.#node.confinement, {
      root: files.root,
      deviceTemplate: join(this.#node.directory, "tools/dev"),
      hostname: this.#hostname(),
      command: commandOf(spec, image).map((word) => expand(word, env)),
      env,
      workingDir: spec.workingDir ?? image.workingDir ?? "/",
      mounts,
      readOnlyRoot: context.readOnlyRootFilesystem === true,
      ...(uid === 0 ? {} : { user: { uid, gid } }),
      ...(joinPid === undefined ? {} : { joinPid }),
      log: record.log,
      watchdog: this.#node.watchdog,
      pipes: this.#node.pipes,
    });
  }

  async #mounts(spec: ContainerSpec, image: ImageTemplate, files: ContainerFiles): Promise<ContainerMount[]> {
    const volumes = (await this.#volumes?.mounts(spec)) ?? [];
    if (this.#node.confinement.kind === "unconfined") return volumes;
    return [
      ...(image.machineFolders?.(this.#node.tools) ?? []).map(
        ({ from, to }) => ({ kind: "folder", source: from, target: to, readOnly: true }) as const,
      ),
      { kind: "file", source: files.terminationLog, target: "/dev/termination-log", readOnly: false },
      ...volumes,
    ];
  }

  #hostname(): string {
    return podSpec(this.#pod).hostname ?? this.name;
  }

  #currentSpec(record: ContainerRecord): ContainerSpec {
    const spec = podSpec(this.#pod);
    const all = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
    return all.find(({ name }) => name === record.spec.name) ?? record.spec;
  }

  #track<T>(life: Promise<T>): Promise<T> {
    this.#lives.add(life);
    const forget = (): void => void this.#lives.delete(life);
    life.then(forget, forget);
    return life;
  }

  #publish(): void {
    if (this.#leaving) return;
    const current = this.#node.store.get("pods", this.namespace, this.name);
    if (current === undefined || current.metadata.uid !== this.uid) return;
    const facts = {
      spec: podSpec(current),
      generation: current.metadata.generation,
      containers: this.containers,
      terminating: this.#terminating,
      podIp: this.#podIp,
      hostIp: this.#node.hostIp,
      startTime: this.#startTime,
      sandboxReady: this.#podIp !== undefined && !["Succeeded", "Failed"].includes(podPhaseNow(current, this)),
      previous: current.status,
      now: apiTime(),
    };
    this.#node.store.updateStatus("pods", { ...current, status: { ...current.status, ...podStatus(facts) } });
  }

  get terminating(): boolean {
    return this.#terminating;
  }
}

function podPhaseNow(pod: StoredObject, worker: PodWorker): string {
  return podPhase({ spec: podSpec(pod), containers: worker.containers, terminating: worker.terminating });
}

function commandOf(spec: ContainerSpec, image: ImageTemplate): string[] {
  const command = spec.command ?? image.command ?? [];
  const args = spec.args ?? (spec.command === undefined ? (image.args ?? []) : []);
  return [...command, ...args];
}

async function ended(
  record: ContainerRecord,
  files: ContainerFiles,
  exit: ContainerExit,
  startedAt: string,
  containerId: string,
): Promise<ContainerState> {
  const left = await terminationMessage(files);
  const fallback = exit.code !== 0 && record.spec.terminationMessagePolicy === "FallbackToLogsOnError";
  const message = left ?? (fallback ? record.log.text().split("\n").slice(-80).join("\n").slice(-2048) : undefined);
  return {
    kind: "terminated",
    exitCode: exit.code,
    reason: exit.code === 0 ? "Completed" : "Error",
    ...(message === undefined || message === "" ? {} : { message }),
    startedAt,
    finishedAt: apiTime(),
    containerId,
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
