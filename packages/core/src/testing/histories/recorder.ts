import type { ClusterConnection } from "../../contract/cluster.ts";
import { isPodActive } from "../../contract/kind.ts";
import type { KindPlugin, MemberState, WatchPlan } from "../../contract/kind.ts";
import type { KubeObject, ResourceType } from "../../contract/resource.ts";
import { getJson } from "../../kube/get-json.ts";
import { deadline, pause, untilAborted } from "../../time/deadline.ts";
import { apiVersionOf, PODS, resourceName } from "../../kube/resource-path.ts";
import { isTruth } from "./history.ts";
import type { History, HistoryEvent, HistoryTruth } from "./history.ts";
import type { CrossCheck } from "./history-conformance.ts";
import { isPod } from "../kinds/kind-view.ts";
import { HistoryTrimmer } from "./record-trim.ts";
import { RecordedWatch } from "./record-watch.ts";
import { KnownObjects, nameIfOfKind } from "./replay.ts";

/** A kind whose histories are recorded. */
export interface RecordedKind {
  readonly kind: KindPlugin;
  /** The kinds to which it delegates children: what they read is recorded, too. Default: none. */
  readonly kinds?: readonly KindPlugin[];
  /** Further resources that the kind does not read, as context for readers of the history. Default: none. */
  readonly extraResources?: readonly ResourceType[];
  /** A truth is recorded when the controller's counts agree. Default: they are not compared. */
  readonly crossCheck?: CrossCheck;
}

export interface RecorderOptions {
  readonly cluster: ClusterConnection;
  /** All its objects are recorded, also those of other workloads: a kind must distinguish them. */
  readonly namespace: string;
  readonly kinds: readonly RecordedKind[];
  /** What happens, in one sentence. */
  readonly scenario: string;
  /** Milliseconds until all events before a truth have arrived and the controller has counted them. Default: 30,000. */
  readonly timeout?: number;
  /** Aborts the start, not the recording. */
  readonly signal: AbortSignal;
}

/** A history and the kind of its workload. */
export interface RecordedHistory {
  readonly kind: KindPlugin;
  readonly history: Pick<History, "origin" | "lines">;
}

/**
 * Starts to record the events of a namespace: pods, the roots of the kinds, and the resources of the kinds' watch plans. Start
 * before you create the workload, record truths on the way, and read the histories at the end.
 *
 * ```ts
 * await using cluster = await connectCluster({ env: process.env });
 * await using recorder = await recordHistory({ cluster, namespace, kinds: [{ kind: training() }], scenario, signal });
 * // apply, wait until it runs, break something, wait until no change is in progress
 * await recorder.recordTruth("training/x", { "x-0": "superseded", "x-1": "current" }, signal);
 * for (const { history } of recorder.histories()) await writeFile(file, formatHistory(history));
 * ```
 *
 * @throws KinsyncError without permission to list the resources
 */
export async function recordHistory(options: RecorderOptions): Promise<HistoryRecorder> {
  const recorder = new HistoryRecorder(options);
  try {
    await recorder.start(options.signal);
    return recorder;
  } catch (error) {
    await recorder[Symbol.asyncDispose]();
    throw error;
  }
}

/** A running recording; created by `recordHistory`. */
export class HistoryRecorder implements AsyncDisposable {
  readonly #options: RecorderOptions;
  readonly #started = performance.now();
  readonly #trimmer = new HistoryTrimmer();
  readonly #lines: (HistoryEvent | HistoryTruth)[] = [];
  readonly #known = new KnownObjects();
  /** The last recorded state of each object, by UID. */
  readonly #last = new Map<string, string>();
  readonly #watches = new Map<string, Promise<RecordedWatch | undefined>>();
  /** Names of the resources of each kind. */
  readonly #resources = new Map<KindPlugin, Set<string>>();
  readonly #stop = new AbortController();
  #kubernetes: string | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { cluster, kinds } = this.#options;
    const version = await getJson(cluster, { path: "/version" }, "read the version of the cluster", signal);
    const { gitVersion } = (version.body ?? {}) as { readonly gitVersion?: string };
    this.#kubernetes = gitVersion;
    for (const { kind, kinds: delegates = [], extraResources = [] } of kinds) {
      const roots = delegates.map(({ root }) => root);
      for (const resource of [PODS, kind.root, ...roots, ...extraResources]) this.#watch(kind, resource);
      for (const each of [kind, ...delegates]) this.#plan(kind, each, bareRoot(each));
    }
    await this.#allStarted(signal);
  }

  /**
   * Records the true state of each member of a workload, once all earlier events are recorded and the controller's counts agree.
   *
   * @param workload as on the command line: `sts/db`
   * @returns `false` where the workload is of none of the kinds
   * @throws Error if the counts do not agree in time, or events were lost
   */
  async recordTruth(
    workload: string,
    members: Readonly<Record<string, MemberState>>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const recorded = this.#options.kinds.find(({ kind }) => nameIfOfKind(kind, workload) !== undefined);
    if (recorded === undefined) return false;
    const { kind, crossCheck } = recorded;
    const timeout = this.#options.timeout ?? 30_000;
    using limited = deadline(signal, timeout, `record the truth about ${workload}`);
    let problem = "no events arrived yet";
    let described: string | undefined;
    while (!limited.signal.aborted) {
      const behind = await this.#behind(limited.signal);
      if (behind.length > 0) problem = `the watch of ${behind.join(", ")} has not reported all events`;
      else {
        const alive = this.#alive();
        described ??= alive;
        // The truth described other pods.
        if (described !== alive)
          throw new Error(`pods changed before the truth about ${workload} was recorded: ${problem}`);
        const root = this.#known.rootOf(kind, nameIfOfKind(kind, workload));
        const truth: HistoryTruth = {
          at: this.#now(),
          truth: { workload, members },
          ...(root?.status === undefined ? {} : { status: root.status }),
        };
        const problems = crossCheck?.({ truth, root, objects: [...this.#known.objects.values()] }) ?? [];
        if (problems.length === 0) {
          this.#lines.push(truth);
          return true;
        }
        problem = problems.join("; ");
      }
      await pause(100, limited.signal);
    }
    signal.throwIfAborted();
    throw new Error(`the truth about ${workload} was not recorded within ${timeout / 1000} s: ${problem}`);
  }

  /** The history so far of each kind that has a truth. */
  histories(): RecordedHistory[] {
    const { scenario, kinds } = this.#options;
    const origin = { scenario, ...(this.#kubernetes === undefined ? {} : { kubernetes: this.#kubernetes }) };
    return kinds.flatMap(({ kind }) => {
      const resources = this.#resources.get(kind);
      const lines = this.#lines.filter((line) =>
        isTruth(line)
          ? nameIfOfKind(kind, line.truth.workload) !== undefined
          : resources?.has(`${line.object.apiVersion} ${line.object.kind}`),
      );
      return lines.some(isTruth) ? [{ kind, history: { origin, lines } }] : [];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the recording is over"));
    for (const watch of await Promise.allSettled(this.#watches.values())) {
      if (watch.status === "fulfilled") await watch.value?.[Symbol.asyncDispose]();
    }
  }

  /** The existing pods, and whether each is active; sorted. */
  #alive(): string {
    return [...this.#known.objects.values()]
      .filter(isPod)
      .map((pod) => `${pod.metadata.uid} ${isPodActive(pod)}`)
      .toSorted()
      .join("\n");
  }

  #now(): number {
    return Math.round(performance.now() - this.#started);
  }

  /** @param reader the kind itself, or one to which it delegates */
  #plan(kind: KindPlugin, reader: KindPlugin, root: KubeObject): void {
    let plan: WatchPlan;
    try {
      plan = reader.watches(root);
    } catch {
      // The kind needs a real root: each root that arrives is planned again.
      return;
    }
    for (const { resource } of plan.watches) this.#watch(kind, resource);
  }

  #watch(kind: KindPlugin, resource: ResourceType): void {
    const resources = this.#resources.get(kind) ?? new Set();
    this.#resources.set(kind, resources.add(`${apiVersionOf(resource)} ${resource.kind}`));
    const name = resourceName(resource);
    if (this.#watches.has(name)) return;
    const { cluster, namespace } = this.#options;
    const onEvent = this.#record.bind(this);
    const watch = RecordedWatch.start(cluster, namespace, resource, onEvent, this.#stop.signal);
    // The caller that waits for it reports the error.
    watch.catch(() => undefined);
    this.#watches.set(name, watch);
  }

  async #allStarted(signal: AbortSignal): Promise<RecordedWatch[]> {
    const watches = await untilAborted(Promise.all(this.#watches.values()), signal);
    return watches.filter((watch) => watch !== undefined);
  }

  /** Resources with events that have not arrived yet. */
  async #behind(signal: AbortSignal): Promise<string[]> {
    const behind: string[] = [];
    for (const watch of await this.#allStarted(signal)) {
      const name = resourceName(watch.resource);
      if (watch.lost !== undefined) throw new Error(`events of ${name} were lost`, { cause: watch.lost });
      try {
        if (!(await watch.isLevel(signal))) behind.push(name);
      } catch {
        // The server may be unreachable for a while.
        behind.push(name);
      }
    }
    return behind;
  }

  #record(type: HistoryEvent["type"], raw: KubeObject, resource: ResourceType): void {
    const object = this.#trimmer.trim({ ...raw }, resource);
    const { uid } = object.metadata;
    const text = JSON.stringify(object);
    const isRepeat = type === "MODIFIED" && this.#last.get(uid) === text;
    this.#last.set(uid, text);
    if (isRepeat) return;
    const event: HistoryEvent = { at: this.#now(), type, object };
    this.#lines.push(event);
    this.#known.take(event);
    if (type === "DELETED") return;
    for (const { kind, kinds = [] } of this.#options.kinds) {
      for (const reader of [kind, ...kinds]) {
        const { root } = reader;
        if (root.kind === resource.kind && root.group === resource.group) this.#plan(kind, reader, object);
      }
    }
  }
}

/** A root without any fields: most plans need no more. */
function bareRoot({ root }: KindPlugin): KubeObject {
  return { apiVersion: apiVersionOf(root), kind: root.kind, metadata: { name: "", uid: "" } };
}
