import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { CONTEXT, makeAccount, writeKubeconfig } from "./access.ts";
import { Kinsync } from "./kinsync-process.ts";
import type { End, Tree } from "./kinsync-process.ts";
import type { Kubectl } from "./kubectl.ts";
import { containerOf, isRunning } from "./objects.ts";
import type { KubeObject, NewObject, Pod } from "./objects.ts";
import { drawFile } from "./file-listing.ts";
import type { Picture } from "./file-listing.ts";
import { Project } from "./project.ts";
import { Recording } from "./recording.ts";
import { RUN_LABEL, UNTIL_ANNOTATION } from "./labels.ts";
import { until } from "./until.ts";
import type { UntilOptions } from "./until.ts";
import type { World } from "./test-cluster.ts";

/** Where the situations put their files, if they do not say otherwise. */
export const FROM = "src";
export const TO = "/app/src";

export interface UpOptions {
  readonly sync?: readonly string[];
  readonly args?: readonly string[];
  readonly kubeconfig?: string;
  /** Variables of its environment besides PATH, HOME and KUBECONFIG. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What a situation has at hand: a namespace, local files, kinsync. All of it is gone at the end. */
export class Stage implements AsyncDisposable {
  readonly world: World;
  readonly namespace: string;
  readonly signal: AbortSignal;
  readonly kubectl: Kubectl;
  readonly project: Project;
  /** Kubeconfig that kinsync gets: that of a user with the rights of the guide's Role alone, where there are roles. */
  readonly kubeconfig: string;
  readonly #ends: (() => Promise<unknown>)[] = [];
  readonly #started: Kinsync[] = [];
  #recording: Recording | undefined;

  private constructor(parts: Pick<Stage, "world" | "namespace" | "signal" | "kubectl" | "project" | "kubeconfig">) {
    this.world = parts.world;
    this.namespace = parts.namespace;
    this.signal = parts.signal;
    this.kubectl = parts.kubectl;
    this.project = parts.project;
    this.kubeconfig = parts.kubeconfig;
  }

  static async open(world: World, signal: AbortSignal, situation: string): Promise<Stage> {
    const namespace = `kinsync-e2e-${randomBytes(4).toString("hex")}`;
    const project = await Project.create();
    try {
      await world.kubectl.create({
        apiVersion: "v1",
        kind: "Namespace",
        metadata: {
          name: namespace,
          labels: { [RUN_LABEL]: world.settings.run },
          annotations: { [UNTIL_ANNOTATION]: String(Math.floor(Date.now() / 1000) + 3600) },
        },
      });
      const kubectl = world.kubectl.in(namespace, signal);
      const hasRoles = (await world.lacks("rbac")) === undefined;
      const kubeconfig = hasRoles
        ? await writeKubeconfig(project.path("kubeconfig"), await makeAccount(kubectl, namespace))
        : world.kubeconfig;
      const stage = new Stage({ world, namespace, signal, kubectl, project, kubeconfig });
      if (world.settings.record) await stage.#record(situation);
      return stage;
    } catch (error) {
      // The namespace, if it came to be, goes with those of the whole run.
      await project[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #record(situation: string): Promise<void> {
    const recording = await Recording.start(this.world.kubeconfig, this.namespace, situation, this.signal);
    this.#recording = recording;
    this.atEnd(() => recording[Symbol.asyncDispose]());
  }

  /** Writes what happened, where it is recorded; for situations that passed. */
  async keepRecording(): Promise<void> {
    await this.#recording?.write();
  }

  /** What to do at the end, the last first. */
  atEnd(end: () => Promise<unknown>): void {
    this.#ends.push(end);
  }

  until<Answer>(
    what: string,
    look: () => Promise<Answer | undefined | false> | Answer | undefined | false,
    options: UntilOptions = {},
  ): Promise<Answer> {
    return until(what, look, { signal: this.signal, ...options });
  }

  create(...objects: readonly NewObject[]): Promise<void> {
    return this.kubectl.create(...objects);
  }

  /** Waits until exactly so many pods of a selector run, nobody deleting them, and gives them by name. */
  running(count: number, selector = "", container = "main"): Promise<readonly Pod[]> {
    return this.until(`${count} pods of ${selector || "the namespace"} run`, async () => {
      const pods = (await this.kubectl.pods(selector)).filter((pod) => isRunning(pod, container));
      return pods.length === count && pods;
    });
  }

  /** A picture of a path in a pod's container, seen by a way that is not kinsync. */
  async look(pod: Pod, path: string = TO, container = "main"): Promise<Picture | undefined> {
    const containerId = containerOf(pod, container)?.containerID;
    if (containerId === undefined) throw new Error(`${pod.metadata.name} has no container ${container} yet`);
    const place = { namespace: this.namespace, pod: pod.metadata.name, container, containerId };
    return (await this.world.lookerFor(place)).look(place, path);
  }

  /** Starts `kinsync up`. */
  up(workload: string, options: UpOptions = {}): Kinsync {
    const { sync = [`${FROM}:${TO}`], args = [] } = options;
    return this.start(
      ["up", workload, ...sync.flatMap((each) => ["--sync", each]), ...args, "-o", "json"],
      options.kubeconfig,
      options.env,
    );
  }

  /** Runs `kinsync sync` to its end. */
  async sync(workload: string, options: UpOptions = {}): Promise<Kinsync & { readonly end: End }> {
    const { sync = [`${FROM}:${TO}`], args = [] } = options;
    const kinsync = this.start(
      ["sync", workload, ...sync.flatMap((each) => ["--sync", each]), ...args, "-o", "json"],
      options.kubeconfig,
      options.env,
    );
    return Object.assign(kinsync, { end: await kinsync.ended });
  }

  /** The members as `kinsync tree` tells them. */
  async tree(workload: string): Promise<Tree> {
    const { code, stdout, stderr } = await this.start(["tree", workload, "-o", "json"]).ended;
    if (code !== 0) throw new Error(`kinsync tree ${workload} ended with ${code}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as Tree;
  }

  /** Pod name to state, as `kinsync tree` tells them. */
  async states(workload: string): Promise<Readonly<Record<string, string>>> {
    const { members } = await this.tree(workload);
    return Object.fromEntries(members.map(({ pod, state }) => [pod, state]));
  }

  /**
   * Says what the state of each pod of a workload is by now, as the situation made it, and checks that `kinsync tree` tells the same.
   * A truth is for moments at which nothing is on its way.
   */
  async truth(workload: string, expected: Readonly<Record<string, string>>): Promise<void> {
    await expect
      .poll(() => this.states(workload), { timeout: 30_000, interval: 300, message: `the members of ${workload}` })
      .toEqual(expected);
    await this.#recording?.truth(workload, expected, this.signal);
  }

  /** Starts any command of kinsync in the project's folder. */
  start(
    args: readonly string[],
    kubeconfig: string = this.kubeconfig,
    env: Readonly<Record<string, string>> = {},
  ): Kinsync {
    const context = kubeconfig === this.world.kubeconfig ? [] : ["--context", CONTEXT];
    const kinsync = new Kinsync({
      command: this.world.settings.command,
      args: [...args, "-n", this.namespace, ...context],
      cwd: this.project.folder,
      env: { PATH: process.env["PATH"], HOME: this.project.folder, KUBECONFIG: kubeconfig, ...env },
    });
    this.#started.push(kinsync);
    this.atEnd(() => kinsync[Symbol.asyncDispose]());
    return kinsync;
  }

  /**
   * Saves one file and waits until kinsync says of each of these pods that it has it.
   * By then the bytes have to be there, so that this is looked at at once.
   */
  async save(kinsync: Kinsync, name: string, content: string, pods: readonly Pod[]): Promise<void> {
    const since = kinsync.mark();
    await this.project.replace(`${FROM}/${name}`, content);
    await this.synced(kinsync, name, pods, since);
    for (const pod of pods) {
      const seen = (await this.look(pod))?.[name];
      expect({ pod: pod.metadata.name, seen }).toEqual({
        pod: pod.metadata.name,
        seen: drawFile(Buffer.from(content), false),
      });
    }
  }

  /** Waits until kinsync says that each of the pods holds the snapshot that this path came with. */
  async synced(kinsync: Kinsync, path: string, pods: readonly Pod[], since: number): Promise<void> {
    const { snapshot = 0, mapping } = await kinsync.until(
      `${path} is saved`,
      ({ event, paths }) => event === "snapshot" && paths?.includes(path) === true,
      { since },
    );
    for (const pod of pods) {
      await kinsync.until(
        `${pod.metadata.name} has snapshot ${snapshot}`,
        (each) =>
          each.event === "synced" &&
          each.uid === pod.metadata.uid &&
          each.mapping === mapping &&
          (each.snapshot ?? 0) >= snapshot,
        { since },
      );
    }
  }

  /** Waits until each of the pods shows exactly the local files. */
  async same(pods: readonly Pod[], from: string = FROM, to: string = TO): Promise<void> {
    const local = await this.project.picture(from);
    for (const pod of pods) {
      await expect
        .poll(() => this.look(pod, to), { timeout: 60_000, interval: 200, message: `${pod.metadata.name}:${to}` })
        .toEqual(local);
    }
  }

  /** What all of kinsync said last, for messages. */
  report(): string {
    return this.#started.map((kinsync) => kinsync.report()).join("\n\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const end of this.#ends.splice(0).toReversed()) await end();
      // Without --wait: the node takes half a minute over some of them, and nobody reads them any more.
      await this.world.kubectl.delete(`namespace/${this.namespace}`, "--wait=false", "--ignore-not-found");
    } finally {
      await this.project[Symbol.asyncDispose]();
    }
  }
}

/** The facts of an object that show whether somebody wrote to it. */
export async function fingerprint(kubectl: Kubectl, name: string): Promise<object> {
  const answer = await kubectl.run(["get", name, "-o", "json", "--show-managed-fields"]);
  const { metadata, spec } = JSON.parse(answer) as KubeObject & {
    readonly metadata: { readonly managedFields?: readonly { readonly manager: string }[] };
  };
  const { uid, generation, labels, annotations, managedFields = [] } = metadata;
  const managers = [...new Set(managedFields.map(({ manager }) => manager))].toSorted();
  return { uid, generation, labels, annotations, managers, spec };
}
