// Runs a container, from image and environment to its exit, and restarts it by its policy.

import { mkdir } from "node:fs/promises";
import { join, posix } from "node:path";
import type { ContainerMount } from "../runtime/confined-script.ts";
import { ContainerStartError, type ContainerExit } from "../runtime/container.ts";
import { findImage, type ImageTemplate } from "../runtime/image.ts";
import { startContainer } from "../runtime/start-container.ts";
import type { StoredObject } from "../world.ts";
import { apiTime } from "./api-time.ts";
import { freshFiles, terminationMessage, type ContainerFiles } from "./container-files.ts";
import type { ContainerRecord } from "./container-record.ts";
import { delay } from "./delay.ts";
import { MissingConfigError, environmentOf, expand } from "./environment.ts";
import type { PodNode } from "./pod-node.ts";
import { podSpec, type ContainerSpec, type PodSpec } from "./pod-spec.ts";
import type { ContainerState } from "./pod-status.ts";
import { watchProbes } from "./probes.ts";
import { linkMounts, type PodVolumes } from "./volumes.ts";

/** After a run of this length, the back-off starts again. */
const STABLE_RUN_MS = 10_000;
/** Time between checks for a missing ConfigMap, Secret or image. */
const RECHECK_MS = 200;

/** The current version of the containers' pod. */
export interface RunnerHost {
  readonly node: PodNode;
  /** The pod's folder. */
  readonly directory: string;
  /** Aborted when nothing may start again. */
  readonly stop: AbortSignal;
  readonly pod: () => StoredObject;
  readonly volumes: () => PodVolumes | undefined;
  readonly podIp: () => string | undefined;
  /** Reports the change to the API. */
  readonly publish: () => void;
  readonly stopContainer: (record: ContainerRecord) => Promise<void>;
}

export class ContainerRunner {
  readonly #host: RunnerHost;

  constructor(host: RunnerHost) {
    this.#host = host;
  }

  /** Runs and restarts a container by its policy. @returns the last exit code. */
  async supervise(record: ContainerRecord, policy: PodSpec["restartPolicy"], onStarted?: () => void): Promise<number> {
    let failures = 0;
    for (;;) {
      const begun = Date.now();
      const exit = await this.#runOnce(record, onStarted);
      if (exit === undefined) return 0;
      const again = policy === "Always" || (policy === "OnFailure" && exit.code !== 0);
      if (!again || record.stopping || this.#host.stop.aborted) return exit.code;
      failures = Date.now() - begun >= STABLE_RUN_MS ? 0 : failures + 1;
      // As in the kubelet: the first restart happens at once, later ones wait.
      if (failures < 2) continue;
      const { initialMilliseconds, maximumMilliseconds } = this.#host.node.backOff;
      const pause = Math.min(initialMilliseconds * 2 ** (failures - 2), maximumMilliseconds);
      const { name, namespace, uid } = this.#host.pod().metadata;
      record.wait(
        "CrashLoopBackOff",
        `back-off ${pause}ms restarting failed container=${record.spec.name} pod=${name}_${namespace}(${uid})`,
      );
      this.#host.publish();
      if (!(await delay(pause, this.#host.stop)) || record.stopping) return exit.code;
    }
  }

  /** @returns how the run ended; `undefined` if it did not start because the pod ends. */
  async #runOnce(record: ContainerRecord, onStarted?: () => void): Promise<ContainerExit | undefined> {
    const image = await this.#pull(record);
    const env = image === undefined ? undefined : await this.#environment(record, image);
    if (image === undefined || env === undefined) return undefined;
    const pause = this.#host.node.startDelay(this.#host.pod(), record.spec.name);
    if (pause > 0 && !(await delay(pause, this.#host.stop))) return undefined;
    if (this.#host.stop.aborted) return undefined;

    const files = await freshFiles(this.#host.directory, record.spec.name, image, this.#host.node.tools);
    const containerId = `playground://${files.id}`;
    record.begin(containerId);
    record.root = files.root;
    const startedAt = apiTime();
    try {
      record.running = await this.#host.node.starts.run(() => this.#start(record, image, env, files));
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
      this.#host.publish();
      return { code };
    }
    record.state = { kind: "running", startedAt };
    record.started = record.spec.startupProbe === undefined;
    record.probedReady = record.spec.readinessProbe === undefined && record.started;
    // The container was stopped while it was starting.
    if (this.#host.stop.aborted) void this.#host.stopContainer(record);
    this.#host.publish();
    const { running } = record;
    const probes = watchProbes(record, running, () => {
      if (record.started) onStarted?.();
      this.#host.publish();
    });
    if (record.started) onStarted?.();
    const exit = await running.exited;
    probes[Symbol.dispose]();
    record.running = undefined;
    record.started = false;
    record.log.end();
    record.state = await ended(record, files, exit, startedAt, containerId);
    this.#host.publish();
    return exit;
  }

  /** Waits until the image exists. */
  async #pull(record: ContainerRecord): Promise<ImageTemplate | undefined> {
    let pause = this.#host.node.backOff.initialMilliseconds;
    while (!this.#host.stop.aborted) {
      const name = record.spec.image ?? "";
      const image = findImage(this.#host.node.images, name);
      if (image !== undefined) return image;
      const why = `failed to pull image "${name}": no image of that name is registered in the playground`;
      record.wait("ErrImagePull", why);
      this.#host.publish();
      if (!(await delay(pause, this.#host.stop))) break;
      record.wait("ImagePullBackOff", `Back-off pulling image "${name}": ErrImagePull: ${why}`);
      this.#host.publish();
      if (!(await delay(pause, this.#host.stop))) break;
      pause = Math.min(pause * 2, this.#host.node.backOff.maximumMilliseconds);
      record.spec = this.#currentSpec(record);
    }
    return undefined;
  }

  async #environment(record: ContainerRecord, image: ImageTemplate): Promise<Record<string, string> | undefined> {
    const confined = this.#host.node.confinement.kind === "confined";
    const base: Record<string, string> = {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/root",
      ...image.env,
      // Unconfined commands are the machine's own.
      ...(confined ? {} : { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: process.env["HOME"] ?? "/" }),
      HOSTNAME: this.#hostname(),
    };
    while (!this.#host.stop.aborted) {
      try {
        const pod = {
          ...this.#host.pod(),
          status: { ...this.#host.pod().status, podIP: this.#host.podIp(), hostIP: this.#host.node.hostIp },
        };
        return environmentOf(pod, record.spec, base, this.#host.node.sources(pod.metadata.namespace ?? "default"));
      } catch (error) {
        if (!(error instanceof MissingConfigError)) throw error;
        record.wait("CreateContainerConfigError", error.message);
        this.#host.publish();
        await delay(RECHECK_MS, this.#host.stop);
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
    const { confinement } = this.#host.node;
    const mounts = await this.#mounts(spec, image, files);
    if (confinement.kind === "unconfined") {
      await linkMounts(files.root, mounts);
      const temporary = join(files.root, "tmp");
      await mkdir(temporary, { recursive: true });
      env["PLAYGROUND_ROOT"] = files.root;
      env["TMPDIR"] ??= temporary;
    }
    const context = { ...podSpec(this.#host.pod()).securityContext, ...spec.securityContext };
    const { runAsUser: uid = 0, runAsGroup: gid = uid } = context;
    if (uid !== 0 && confinement.kind === "confined" && confinement.tools.userNamespace) {
      throw new ContainerStartError(`runAsUser ${uid}: only root can give a container another user`, 128);
    }
    const joinPid = this.#host.volumes()?.pid;
    return startContainer(confinement, {
      root: files.root,
      deviceTemplate: join(this.#host.node.directory, "tools/dev"),
      hostname: this.#hostname(),
      command: commandOf(spec, image).map((word) => expand(word, env)),
      env,
      workingDir: posix.resolve("/", spec.workingDir ?? image.workingDir ?? "/"),
      mounts,
      readOnlyRoot: context.readOnlyRootFilesystem === true,
      ...(uid === 0 ? {} : { user: { uid, gid } }),
      ...(joinPid === undefined ? {} : { joinPid }),
      log: record.log,
      watchdog: this.#host.node.watchdog,
      pipes: this.#host.node.pipes,
    });
  }

  async #mounts(spec: ContainerSpec, image: ImageTemplate, files: ContainerFiles): Promise<ContainerMount[]> {
    const volumes = (await this.#host.volumes()?.mounts(spec)) ?? [];
    if (this.#host.node.confinement.kind === "unconfined") return volumes;
    return [
      ...(image.machineFolders?.(this.#host.node.tools) ?? []).map(
        ({ from, to }) => ({ kind: "folder", source: from, target: to, readOnly: true }) as const,
      ),
      { kind: "file", source: files.terminationLog, target: "/dev/termination-log", readOnly: false },
      ...volumes,
    ];
  }

  #hostname(): string {
    return podSpec(this.#host.pod()).hostname ?? this.#host.pod().metadata.name;
  }

  #currentSpec(record: ContainerRecord): ContainerSpec {
    const spec = podSpec(this.#host.pod());
    const all = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
    return all.find(({ name }) => name === record.spec.name) ?? record.spec;
  }
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
