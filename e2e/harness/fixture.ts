import { randomBytes } from "node:crypto";
import type { KubernetesObject } from "@kubernetes/client-node";
import { expect, vi } from "vitest";
import { describeFile } from "./file-listing.ts";
import type { FileListing } from "./file-listing.ts";
import { CONTEXT, writeKubeconfig } from "./kubeconfig.ts";
import type { Kubectl } from "./kubectl.ts";
import { KinsyncProcess, PATIENCE_MS } from "./kinsync-process.ts";
import type { End, Tree } from "./kinsync-process.ts";
import { EXPIRY_ANNOTATION, RUN_LABEL } from "./labels.ts";
import type { KubeObject, Pod } from "./objects.ts";
import { containerOf, isRunning, mainContainer } from "./pods.ts";
import { Project } from "./project.ts";
import { recordedKinds } from "./recorded-kinds.ts";
import { Recording } from "./recording.ts";
import { createServiceAccount } from "./service-account.ts";
import type { TestCluster } from "./test-cluster.ts";

/** The mapping of the situations, unless they state another. */
export const FROM = "src";
export const TO = "/app/src";

export interface UpOptions {
  readonly sync?: readonly string[];
  readonly args?: readonly string[];
  readonly kubeconfig?: string;
  /** Environment variables besides PATH, HOME and KUBECONFIG. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface PollOptions {
  /** Milliseconds. Default: `PATIENCE_MS`. */
  readonly timeout?: number;
  /** Milliseconds between two probes. Default: 200. */
  readonly interval?: number;
}

/** What a situation works with: a namespace, local files, kinsync. All of it is removed at the end. */
export class Fixture implements AsyncDisposable {
  readonly cluster: TestCluster;
  readonly namespace: string;
  readonly signal: AbortSignal;
  readonly kubectl: Kubectl;
  readonly project: Project;
  /** kinsync's kubeconfig: of a service account with the rules of the guide's Role only, if the cluster has roles. */
  readonly kubeconfig: string;
  readonly #cleanups: (() => Promise<unknown>)[] = [];
  readonly #started: KinsyncProcess[] = [];
  #recording: Recording | undefined;

  private constructor(parts: Pick<Fixture, "cluster" | "namespace" | "signal" | "kubectl" | "project" | "kubeconfig">) {
    this.cluster = parts.cluster;
    this.namespace = parts.namespace;
    this.signal = parts.signal;
    this.kubectl = parts.kubectl;
    this.project = parts.project;
    this.kubeconfig = parts.kubeconfig;
  }

  static async open(cluster: TestCluster, signal: AbortSignal, situation: string): Promise<Fixture> {
    const namespace = `kinsync-e2e-${randomBytes(4).toString("hex")}`;
    const project = await Project.create();
    try {
      await cluster.kubectl.create({
        apiVersion: "v1",
        kind: "Namespace",
        metadata: {
          name: namespace,
          labels: { [RUN_LABEL]: cluster.settings.run },
          annotations: { [EXPIRY_ANNOTATION]: String(Math.floor(Date.now() / 1000) + 3600) },
        },
      });
      const kubectl = cluster.kubectl.in(namespace, signal);
      const hasRoles = (await cluster.lacks("rbac")) === undefined;
      const kubeconfig = hasRoles
        ? await writeKubeconfig(project.path("kubeconfig"), await createServiceAccount(kubectl, namespace))
        : cluster.kubeconfig;
      const fixture = new Fixture({ cluster, namespace, signal, kubectl, project, kubeconfig });
      // The API refuses pods until the controller manager has made their service account.
      if (hasRoles) await fixture.until("pods may be created", () => kubectl.get("serviceaccount/default"));
      if (cluster.settings.record) await fixture.#record(situation);
      return fixture;
    } catch (error) {
      // run.ts deletes the namespace, if it exists, at the end of the run.
      await project[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #record(situation: string): Promise<void> {
    const { kubeconfig, settings } = this.cluster;
    const kinds = recordedKinds(settings.controller);
    const recording = await Recording.start(kubeconfig, this.namespace, situation, kinds, this.signal);
    this.#recording = recording;
    this.defer(() => recording[Symbol.asyncDispose]());
  }

  /** Writes the recorded histories, if the run records. For situations that passed. */
  async writeRecording(): Promise<void> {
    await this.#recording?.write();
  }

  /** Runs at the end of the situation, in reverse order. */
  defer(cleanup: () => Promise<unknown>): void {
    this.#cleanups.push(cleanup);
  }

  /**
   * Repeats a probe until it returns neither `undefined` nor `false`; a probe that rejects is repeated too.
   * @param what completes "waiting until …"
   */
  async until<Result>(
    what: string,
    probe: () => Promise<Result | undefined | false> | Result | undefined | false,
    { timeout = PATIENCE_MS, interval = 200 }: PollOptions = {},
  ): Promise<Result> {
    const found = await vi.waitFor(
      async () => {
        // Ends the wait together with the test.
        if (this.signal.aborted) return undefined;
        const result = await probe();
        if (result === undefined || result === false) throw new Error("not within the time limit");
        return { result };
      },
      { timeout, interval, message: `waiting until ${what}` },
    );
    this.signal.throwIfAborted();
    if (found === undefined) throw new Error(`the situation ended while waiting until ${what}`);
    return found.result;
  }

  create(...objects: readonly KubernetesObject[]): Promise<void> {
    return this.kubectl.create(...objects);
  }

  /** Waits until exactly this number of pods of a selector runs and is not being deleted. @returns the pods, sorted by name */
  running(count: number, selector = "", container?: string): Promise<readonly Pod[]> {
    return this.until(`${count} pods of ${selector || "the namespace"} run`, async () => {
      const pods = (await this.kubectl.pods(selector)).filter((pod) => isRunning(pod, container));
      return pods.length === count && pods;
    });
  }

  /** Lists a path in a pod's container, without kinsync. */
  async list(pod: Pod, path: string = TO, container = mainContainer(pod)): Promise<FileListing | undefined> {
    const containerId = containerOf(pod, container)?.containerID;
    if (containerId === undefined) throw new Error(`pod ${pod.metadata.name} has no container ${container} yet`);
    const ref = { namespace: this.namespace, pod: pod.metadata.name, container, containerId };
    return (await this.cluster.filesOf(ref)).list(ref, path);
  }

  /** Starts `kinsync up`. */
  up(workload: string, options: UpOptions = {}): KinsyncProcess {
    return this.#startSync("up", workload, options);
  }

  /** Writes a first file, starts `kinsync up`, and waits until all targets are synced. */
  async upWithFile(workload: string, options: UpOptions = {}): Promise<KinsyncProcess> {
    await this.project.write(`${FROM}/f.txt`, "one\n");
    const kinsync = this.up(workload, options);
    await kinsync.ready();
    return kinsync;
  }

  /** Runs `kinsync sync` to its end. */
  async sync(workload: string, options: UpOptions = {}): Promise<KinsyncProcess & { readonly end: End }> {
    const kinsync = this.#startSync("sync", workload, options);
    return Object.assign(kinsync, { end: await kinsync.ended });
  }

  #startSync(command: "up" | "sync", workload: string, options: UpOptions): KinsyncProcess {
    const { sync = [`${FROM}:${TO}`], args = [], kubeconfig, env } = options;
    const mappings = sync.flatMap((each) => ["--sync", each]);
    return this.start([command, workload, ...mappings, ...args, "-o", "json"], kubeconfig, env);
  }

  /** Output of `kinsync tree`. */
  async tree(workload: string): Promise<Tree> {
    const { code, stdout, stderr } = await this.start(["tree", workload, "-o", "json"]).ended;
    if (code !== 0) throw new Error(`kinsync tree ${workload} ended with ${code}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as Tree;
  }

  /** Pod name to state, from `kinsync tree`. */
  async states(workload: string): Promise<Readonly<Record<string, string>>> {
    const { members } = await this.tree(workload);
    return Object.fromEntries(members.map(({ pod, state }) => [pod, state]));
  }

  /**
   * Waits until `kinsync tree` reports these states of all pods of a workload, and records them as the truth.
   * To be called only when no change is in progress.
   */
  async expectMembers(workload: string, expected: Readonly<Record<string, string>>): Promise<void> {
    await expect
      .poll(() => this.states(workload), { timeout: 30_000, interval: 300, message: `the members of ${workload}` })
      .toEqual(expected);
    await this.#recording?.recordTruth(workload, expected, this.signal);
  }

  /** Starts any command of kinsync in the project's folder. */
  start(
    args: readonly string[],
    kubeconfig: string = this.kubeconfig,
    env: Readonly<Record<string, string>> = {},
  ): KinsyncProcess {
    const context = kubeconfig === this.cluster.kubeconfig ? [] : ["--context", CONTEXT];
    const kinsync = new KinsyncProcess({
      command: this.cluster.settings.command,
      args: [...args, "-n", this.namespace, ...context],
      cwd: this.project.folder,
      env: { PATH: process.env["PATH"], HOME: this.project.folder, KUBECONFIG: kubeconfig, ...env },
    });
    this.#started.push(kinsync);
    this.defer(() => kinsync[Symbol.asyncDispose]());
    return kinsync;
  }

  /** Saves one file, waits until kinsync reports each of these pods as synced, and checks that their files have the new content. */
  async save(kinsync: KinsyncProcess, name: string, content: string, pods: readonly Pod[]): Promise<void> {
    const since = kinsync.mark();
    await this.project.replace(`${FROM}/${name}`, content);
    await this.synced(kinsync, name, pods, since);
    for (const pod of pods) {
      const entry = (await this.list(pod))?.[name];
      expect({ pod: pod.metadata.name, entry }).toEqual({
        pod: pod.metadata.name,
        entry: describeFile(Buffer.from(content), false),
      });
    }
  }

  /** Waits until kinsync reports that each of the pods has the snapshot with the change of this path. */
  async synced(kinsync: KinsyncProcess, path: string, pods: readonly Pod[], since: number): Promise<void> {
    const { snapshot = 0, mappings = [] } = await kinsync.untilChanged(path, since);
    const changed = mappings.filter(({ paths }) => paths.includes(path)).map(({ mapping }) => mapping);
    for (const pod of pods) {
      await kinsync.until(
        `${pod.metadata.name} has snapshot ${snapshot}`,
        (each) =>
          each.event === "synced" &&
          each.uid === pod.metadata.uid &&
          changed.includes(each.mapping ?? "") &&
          (each.snapshot ?? 0) >= snapshot,
        { since },
      );
    }
  }

  /** Waits until each of the pods has exactly the local files. @param timeout milliseconds in all */
  async untilSame(
    pods: readonly Pod[],
    { from = FROM, to = TO, timeout = PATIENCE_MS }: { from?: string; to?: string; timeout?: number } = {},
  ): Promise<void> {
    const local = await this.project.list(from);
    const end = performance.now() + timeout;
    for (const pod of pods) {
      const message = `${pod.metadata.name}:${to} within ${timeout / 1000} s`;
      await expect
        .poll(() => this.list(pod, to), { timeout: Math.max(1, end - performance.now()), interval: 200, message })
        .toEqual(local);
    }
  }

  /** The last output of each kinsync, for messages. */
  report(): string {
    return this.#started.map((kinsync) => kinsync.report()).join("\n\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const cleanup of this.#cleanups.splice(0).toReversed()) await cleanup();
      // Without --wait: deleting some of them takes the node half a minute.
      await this.cluster.kubectl.delete(`namespace/${this.namespace}`, "--wait=false", "--ignore-not-found");
    } finally {
      await this.project[Symbol.asyncDispose]();
    }
  }
}

/** The parts of an object that change if a client writes to it. */
export async function fingerprint(kubectl: Kubectl, name: string): Promise<object> {
  const text = await kubectl.run(["get", name, "-o", "json", "--show-managed-fields"]);
  const { metadata, spec } = JSON.parse(text) as KubeObject;
  const { uid, generation, labels, annotations, managedFields = [] } = metadata;
  const managers = [...new Set(managedFields.map(({ manager = "" }) => manager))].toSorted();
  return { uid, generation, labels, annotations, managers, spec };
}
