import type { KindPlugin } from "../contract/kind.ts";
import type { Target } from "../contract/target.ts";
import type { RootSpec, HostedSession } from "../contract/transport.ts";
import type { EngineOptions, ResolvedWorkload, TargetView } from "./options.ts";
import type { KinsyncError } from "../errors/error.ts";
import type { EngineEvent, SummaryEvent } from "./events.ts";
import type { TargetStatus } from "../sync/target/status.ts";
import type { Resolution } from "../resolve/resolution.ts";
import { watchWorkload, type WorkloadWatch } from "../resolve/members/workload-watch.ts";
import type { ReflectorPool } from "../kube/reflector-pool.ts";
import type { ArchivePool } from "../sync/archive/archive-pool.ts";
import { eligibleContainers, type EligibleContainer } from "../resolve/select/eligible.ts";
import { MappingFeed } from "./feed.ts";
import { Worker, type Carried, type WorkerListener, type WorkerRoot, type Wanted } from "../sync/target/worker.ts";
import { overriddenPaths } from "../mapping/overridden-paths.ts";
import type { ContainerPath } from "../mapping/container-path.ts";
import { createSource } from "../local/watcher.ts";
import { namesOf, WorkloadEvents, type TargetNames } from "./emit.ts";

export interface WorkloadSyncOptions {
  readonly workload: ResolvedWorkload;
  readonly engine: EngineOptions;
  readonly kind: KindPlugin | undefined;
  readonly reflectors: ReflectorPool;
  readonly archives: ArchivePool;
  readonly open: (target: Target, transport: string, signal: AbortSignal) => Promise<HostedSession>;
  readonly since: string;
  readonly signal: AbortSignal;
  readonly onEvent: (event: EngineEvent) => void;
  /** Something settled: the engine looks whether its work is done. */
  readonly onQuiet: () => void;
}

interface Place {
  readonly eligible: EligibleContainer;
  readonly worker: Worker;
  readonly target: Target;
  snapshot: number | undefined;
  files: number;
  duration: number | undefined;
}

/** One workload's line from watch and resolve to sync. */
export class WorkloadSync implements AsyncDisposable {
  readonly #options: WorkloadSyncOptions;
  readonly #feeds: readonly MappingFeed[];
  readonly #watch: WorkloadWatch;
  readonly #places = new Map<string, Place>();
  /** Eligible containers that do not run, by pod and name. */
  readonly #waiting = new Map<string, EligibleContainer>();
  readonly #events: WorkloadEvents;
  readonly #ending = new Set<Promise<void>>();
  /** Pods that were there when this run began: their roots are taken over from whoever has them. */
  #firstPods: ReadonlySet<string> | undefined;
  #resolution: Resolution | undefined;
  #snapshot = 0;
  #firstFeeds = 0;
  #readyTold = false;

  constructor(options: WorkloadSyncOptions) {
    this.#options = options;
    this.#events = new WorkloadEvents(options.workload.name, options.onEvent);
    this.#feeds = options.workload.mappings.map(
      (mapping) =>
        new MappingFeed({
          mapping,
          createSource,
          // What is there at the start is one snapshot, however many mappings tell of it.
          nextSnapshot: () =>
            this.#firstFeeds++ < options.workload.mappings.length ? (this.#snapshot = 1) : ++this.#snapshot,
          allowEmpty: options.engine.allowEmpty ?? false,
          signal: options.signal,
          listener: {
            onSnapshot: (feed, tree, snapshot, paths) => {
              this.#events.tell({
                event: "snapshot",
                mapping: feed.mapping.id,
                snapshot,
                files: tree.files,
                bytes: tree.bytes,
                changed: paths.length,
                paths: paths.slice(0, 20),
              });
              for (const place of this.#places.values()) place.worker.poke();
            },
            onHalted: (feed, reason) => {
              this.#events.tell({ event: "halted", mapping: feed.mapping.id, reason });
              this.#options.onQuiet();
            },
            onResumed: (feed) =>
              this.#events.tell({
                event: "resumed",
                mapping: feed.mapping.id,
                reason: `${feed.mapping.fromText} has content again`,
              }),
            onProblem: (_feed, problem) => this.#events.note(problem.code, problem.message, problem.hint),
            onNote: (feed, note) => this.#events.note("watch", `${feed.mapping.fromText}: ${note}`),
          },
        }),
    );
    this.#watch = watchWorkload({
      cluster: options.engine.cluster,
      reflectors: options.reflectors,
      ref: options.workload.ref,
      kind: options.kind,
      signal: options.signal,
      onResolution: (resolution) => {
        this.#onResolution(resolution);
      },
    });
    void this.#watch.ready.then(
      (resolution) => {
        this.#firstPods ??= new Set(resolution.members.map((member) => member.uid));
        this.#onResolution(resolution);
      },
      () => {},
    );
  }

  get name(): string {
    return this.#options.workload.name;
  }

  get resolution(): Resolution | undefined {
    return this.#resolution;
  }

  get snapshot(): number {
    return this.#snapshot;
  }

  /** The first pass is through: members are known, local files are known, every target was tried. */
  get isReady(): boolean {
    return this.#readyTold;
  }

  /** Every eligible target holds the newest tree or needs the user, and no command is running. */
  get isSettled(): boolean {
    if (!this.#readyTold || this.#places.size === 0) return false;
    return [...this.#places.values()].every(
      ({ worker }) =>
        worker.idle && (worker.status === "synced" || worker.status === "failed" || worker.status === "halted"),
    );
  }

  /** Some container that should hold the files does not run. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Some target is being served right now, or a command is running. */
  get isBusy(): boolean {
    return [...this.#places.values()].some(({ worker }) => !worker.idle && worker.status !== "stale");
  }

  /** No mapping may be sent: every source is halted. */
  get isHalted(): boolean {
    return this.#feeds.every((feed) => feed.haltReason !== undefined);
  }

  targets(): readonly TargetView[] {
    const running = [...this.#places.values()].map(({ eligible, worker, snapshot, files, duration }) => ({
      pod: eligible.member.name,
      uid: eligible.member.uid,
      container: eligible.container.name,
      containerId: eligible.target?.containerId,
      status: this.#statusOf(eligible, worker),
      snapshot,
      files,
      duration,
      reason: worker.reason,
    }));
    const waiting = [...this.#waiting.values()].map((eligible) => ({
      pod: eligible.member.name,
      uid: eligible.member.uid,
      container: eligible.container.name,
      containerId: undefined,
      status: "waiting" as const,
      snapshot: undefined,
      files: 0,
      duration: undefined,
      reason: eligible.container.waiting ?? "it does not run",
    }));
    return [...running, ...waiting];
  }

  summary(): SummaryEvent {
    const count = (status: TargetStatus): number =>
      [...this.#places.values()].filter(({ eligible, worker }) => this.#statusOf(eligible, worker) === status).length;
    const synced = count("synced");
    const failed = count("failed");
    const halted = count("halted");
    return {
      event: "summary",
      time: new Date().toISOString(),
      workload: this.name,
      members: this.#resolution?.members.length ?? 0,
      targets: this.#places.size,
      synced,
      failed,
      halted,
      stale: this.#places.size - synced - failed - halted,
      waiting: this.#waiting.size,
      failedRuns: this.#events.failedRuns,
    };
  }

  /** A target that holds all that may be sent, but has a mapping whose source is halted, is halted. */
  #statusOf(eligible: EligibleContainer, worker: Worker): TargetStatus {
    if (worker.status !== "synced" && worker.status !== "waiting") return worker.status;
    const isHalted = this.#feeds.some(
      (feed) => feed.haltReason !== undefined && eligible.mappings.includes(feed.mapping),
    );
    return isHalted ? "halted" : worker.status;
  }

  #onResolution(resolution: Resolution): void {
    this.#resolution = resolution;
    this.#events.members(resolution);
    for (const problem of resolution.problems) this.#events.note(problem.code, problem.message, problem.hint);
    this.#reconcile();
    this.#events.absence(resolution, this.#places.size + this.#waiting.size);
    this.#quiet();
  }

  /** Makes the workers those of the containers that should hold files now. */
  #reconcile(): void {
    const resolution = this.#resolution;
    if (resolution === undefined || this.#options.signal.aborted) return;
    const { workload, kind } = this.#options;
    const { containers, missing } = eligibleContainers(resolution, workload.mappings, kind);
    for (const { mapping, reason } of missing) {
      this.#events.note(
        "KINSYNC_RESOLVE_CONTAINER",
        `${mapping.id}: ${reason}`,
        "See kinsync tree for the containers that there are.",
      );
    }
    this.#events.roles(resolution, workload.mappings);
    const wanted = new Map(containers.map((eligible) => [eligible.key, eligible]));
    for (const [key, place] of this.#places) if (!wanted.has(key)) this.#end(key, place);
    this.#waiting.clear();
    for (const [key, eligible] of wanted) {
      if (eligible.target === undefined) {
        this.#waiting.set(key, eligible);
        continue;
      }
      const place = this.#places.get(key);
      if (place === undefined) this.#begin(key, eligible, eligible.target);
      else if (mappingIds(place.eligible) !== mappingIds(eligible)) place.worker.update(this.#roots(eligible));
    }
    this.#events.waiting(this.#waiting.values());
  }

  #roots(eligible: EligibleContainer): readonly WorkerRoot[] {
    const feeds = this.#feeds.filter((feed) => eligible.mappings.includes(feed.mapping));
    const places = (): readonly ContainerPath[] => feeds.map((feed) => feed.place);
    return feeds.map((feed) => ({
      mapping: feed.mapping,
      get spec(): RootSpec {
        return rootSpec(feed);
      },
      wanted: () =>
        feeds.every((other) => other.isReady) ? feed.wanted(overriddenPaths(feed.place, places())) : undefined,
    }));
  }

  #begin(key: string, eligible: EligibleContainer, target: Target): void {
    const place: Place = {
      eligible,
      target,
      snapshot: undefined,
      files: 0,
      duration: undefined,
      worker: new Worker({
        target,
        roots: this.#roots(eligible),
        actions: this.#options.workload.run,
        archives: this.#options.archives,
        open: this.#options.open,
        runId: this.#options.engine.runId,
        since: this.#options.since,
        force: this.#firstPods === undefined || this.#firstPods.has(eligible.member.uid),
        listener: this.#listener(key, eligible),
      }),
    };
    this.#places.set(key, place);
  }

  #end(key: string, place: Place): void {
    this.#places.delete(key);
    const ending = place.worker[Symbol.asyncDispose]().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  #listener(key: string, eligible: EligibleContainer): WorkerListener {
    const { member, container } = eligible;
    const of = namesOf(member, container.name);
    const place = (): Place | undefined => this.#places.get(key);
    return {
      onStatus: (status, reason, error) => this.#onStatus(of, place(), status, reason, error),
      onSynced: (root, wanted, done) => this.#onSynced(of, place(), root, wanted, done),
      onRetry: (error, delay) =>
        this.#events.tell({ event: "retry", ...of, code: error.code, reason: error.message, delay }),
      onProgress: (root, sent, total) =>
        this.#events.tell({ event: "progress", ...of, mapping: root.mapping.id, sent, total }),
      onRun: (action, result) => this.#events.run(of, action, result),
      onQuiet: () => this.#quiet(),
    };
  }

  #onStatus(
    of: TargetNames,
    place: Place | undefined,
    status: TargetStatus,
    reason: string,
    error: KinsyncError | undefined,
  ): void {
    if (place !== undefined && status === "synced") place.snapshot = this.#snapshot;
    const snapshot = place?.snapshot;
    this.#events.tell({ event: "target", ...of, status, reason, ...(snapshot === undefined ? {} : { snapshot }) });
    if (error === undefined) return;
    if (status === "failed") {
      this.#events.tell({ event: "failed", ...of, code: error.code, reason: error.message, hint: error.hint });
    } else if (status === "halted") {
      this.#events.tell({
        event: "halted",
        pod: of.pod,
        uid: of.uid,
        container: of.container,
        code: error.code,
        reason: error.message,
      });
    }
  }

  #onSynced(of: TargetNames, place: Place | undefined, root: WorkerRoot, wanted: Wanted, done: Carried): void {
    if (place !== undefined) {
      place.files = done.files + done.deleted;
      place.duration = done.duration;
    }
    this.#events.tell({
      event: "synced",
      ...of,
      mapping: root.mapping.id,
      snapshot: wanted.snapshot,
      files: done.files,
      deleted: done.deleted,
      bytes: done.bytes,
      duration: Math.round(done.duration * 10) / 10,
    });
  }

  #quiet(): void {
    this.#tellReady();
    this.#options.onQuiet();
  }

  #tellReady(): void {
    if (this.#readyTold || this.#firstPods === undefined || !this.#feeds.every((feed) => feed.isReady)) return;
    const workers = [...this.#places.values()].map((place) => place.worker);
    const tried = (worker: Worker): boolean =>
      worker.status === "synced" ||
      worker.status === "failed" ||
      worker.status === "halted" ||
      worker.status === "stale" ||
      this.isHalted;
    if (!workers.every(tried)) return;
    this.#readyTold = true;
    const { members, targets, synced } = this.summary();
    this.#events.tell({ event: "ready", members, targets, synced });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [key, place] of this.#places) this.#end(key, place);
    await Promise.allSettled([
      this.#watch[Symbol.asyncDispose](),
      ...this.#feeds.map((feed) => feed[Symbol.asyncDispose]()),
      ...this.#ending,
    ]);
  }
}

function mappingIds(eligible: EligibleContainer): string {
  return eligible.mappings.map((mapping) => mapping.id).join("\n");
}

function rootSpec(feed: MappingFeed): RootSpec {
  const { path, shape, key } = feed.place;
  return { path, shape, key, ...(feed.mapping.inPlace ? { inPlace: true } : {}) };
}
