// One pod on the node, from its binding to its end.

import { chmod, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { StoredObject } from "../world.ts";
import { apiTime } from "./api-time.ts";
import { ContainerRecord } from "./container-record.ts";
import { ContainerRunner } from "./container-runner.ts";
import { delay } from "./delay.ts";
import { MissingConfigError } from "./environment.ts";
import type { PodNode } from "./pod-node.ts";
import { podSpec } from "./pod-spec.ts";
import { podPhase, podStatus } from "./pod-status.ts";
import type { SourceKind } from "./projected-volume.ts";
import { PodVolumes } from "./volumes.ts";

/** Time between checks for a missing ConfigMap or Secret. */
const RECHECK_MS = 200;

export class PodWorker {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly containers: ContainerRecord[];
  readonly #node: PodNode;
  readonly #directory: string;
  readonly #startTime = apiTime();
  /** Aborted when nothing may start again. */
  readonly #stop = new AbortController();
  /** Aborted when everything must stop at once. */
  readonly #kill = new AbortController();
  #pod: StoredObject;
  #volumes: PodVolumes | undefined;
  #podIp: string | undefined;
  #killAt = Infinity;
  #killTimer: NodeJS.Timeout | undefined;
  #terminating = false;
  #leaving = false;
  #projectTimer: NodeJS.Timeout | undefined;
  #projecting: Promise<unknown> = Promise.resolve();
  readonly #runner: ContainerRunner;
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
    this.#runner = new ContainerRunner({
      node,
      directory: this.#directory,
      stop: this.#stop.signal,
      pod: () => this.#pod,
      volumes: () => this.#volumes,
      podIp: () => this.#podIp,
      publish: () => this.#publish(),
      stopContainer: (record) => this.#stopContainer(record),
    });
    this.#ended = this.#live();
  }

  /** Settles when the pod has left the node. Never rejects. */
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
      void this.#track(this.#runner.supervise(record, "Never")).catch(() => undefined);
    }
  }

  /** A ConfigMap or Secret of the pod's namespace changed: the volumes that show it follow, once for all changes of that time. */
  sourceChanged(kind: SourceKind, name: string): void {
    if (this.#projectTimer !== undefined || this.#stop.signal.aborted) return;
    // While the volumes are being opened it is not known what they will show.
    if (this.#volumes?.shows(kind, name) === false) return;
    this.#projectTimer = setTimeout(() => {
      this.#projectTimer = undefined;
      this.#projecting = this.#projecting.then(() => this.#volumes?.project()).catch(() => undefined);
    }, this.#node.projectionDelay).unref();
  }

  /** The pod was deleted from the API: everything stops at once. */
  abandon(): void {
    this.#terminate(0);
  }

  /** The node ends: everything stops at once, and the API object stays. */
  leave(): void {
    this.#leaving = true;
    this.#terminate(0);
  }

  #terminate(graceSeconds: number): void {
    this.#terminating = true;
    const grace = Math.min(graceSeconds, this.#node.maximumGraceSeconds) * 1000;
    const at = Date.now() + grace;
    // A second deletion can only shorten the grace period.
    if (at < this.#killAt) {
      this.#killAt = at;
      clearTimeout(this.#killTimer);
      if (grace <= 0) this.#kill.abort();
      else this.#killTimer = setTimeout(() => this.#kill.abort(), grace).unref();
    }
    if (!this.#stop.signal.aborted) this.#stop.abort();
  }

  async #live(): Promise<void> {
    // After the constructor: its creator must have the worker before it writes.
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
    // Containers of other users must be able to enter.
    await chmod(this.#directory, 0o755);
    if (!(await this.#openVolumes())) return;
    this.#podIp = this.#node.nextPodIp();
    const policy = podSpec(this.#pod).restartPolicy ?? "Always";
    for (const record of this.containers.filter(({ role }) => role === "init" || role === "sidecar")) {
      if (record.role === "sidecar") {
        const { promise: started, resolve } = Promise.withResolvers<void>();
        void this.#track(this.#runner.supervise(record, "Always", resolve)).catch(() => undefined);
        await Promise.race([started, aborted(this.#stop.signal)]);
      } else {
        const life = this.#track(this.#runner.supervise(record, policy === "Never" ? "Never" : "OnFailure"));
        const code = await Promise.race([life, aborted(this.#stop.signal)]);
        if (code !== 0) return;
      }
      if (this.#stop.signal.aborted) return;
    }
    const lives = this.containers
      .filter(({ role }) => role === "main")
      .map((record) => this.#track(this.#runner.supervise(record, policy)));
    await Promise.race([Promise.all(lives), aborted(this.#stop.signal)]);
  }

  /** Stops what still runs, reports the last state and removes everything. */
  async #end(): Promise<void> {
    await this.#stopContainers("main");
    await this.#stopContainers("ephemeral");
    await this.#stopContainers("init");
    await this.#stopContainers("sidecar");
    await Promise.allSettled(this.#lives);
    this.#publish();
    // A finished pod keeps its last files until it is deleted, for inspection.
    await aborted(this.#stop.signal);
    clearTimeout(this.#killTimer);
    clearTimeout(this.#projectTimer);
    await this.#projecting;
    for (const { log } of this.containers) log.end();
    await this.#volumes?.close();
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 });
    this.#node.forget(this.uid);
    if (!this.#leaving) this.#node.store.remove("pods", this.namespace, this.name, this.uid);
  }

  async #stopContainers(role: ContainerRecord["role"]): Promise<void> {
    // Sidecars stop one by one in reverse order of their start, because later containers depend on earlier ones.
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
        await delay(RECHECK_MS, this.#stop.signal);
      }
    }
    return false;
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

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
