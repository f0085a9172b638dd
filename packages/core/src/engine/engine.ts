import { randomUUID } from "node:crypto";
import type { ResourceType } from "../contract/resource.ts";
import type { HostedSession } from "../contract/session.ts";
import { ReflectorPool } from "../kube/reflector-pool.ts";
import { createSource } from "../local/watcher.ts";
import { WAIT_MS } from "../mapping/defaults.ts";
import { consentError, needsOf, unsupported, unsupportedError } from "../mapping/unsupported.ts";
import { loadedKind, type KindEntry, type LazyKind } from "../plugins/host.ts";
import { watchWorkload } from "../resolve/members/workload-watch.ts";
import type { OpenSession } from "./open-session.ts";
import { ArchivePool } from "../sync/archive/archive-pool.ts";
import { cleanData } from "../text/clean.ts";
import { within } from "../time/deadline.ts";
import { engineCommands, type EngineCommands } from "./commands.ts";
import type { EngineEvent } from "./events.ts";
import type { Engine, EngineOptions, EngineView, RunOutcome, RunResult } from "./options.ts";
import type { ResolvedWorkload } from "./resolved-workload.ts";
import { checkedSources } from "./mapping-files.ts";
import { Places } from "./places/places.ts";
import { outcome, type Elapsed, type Outcome } from "./outcome.ts";
import { Sessions } from "./sessions.ts";
import { WorkloadEngine } from "./workload.ts";
import { withObserver } from "./workload-options.ts";
import {
  changedRoots,
  compareWorkloads,
  isSameWorkload,
  workloadKey,
  type WorkloadChanges,
} from "./workload-changes.ts";

/** Time for the end of a run: sessions close, then everything is released. */
const ENDING_MS = 800;
/** Extra time beyond `wait` for the first pass, which never ends if the API server stopped answering. */
const PATIENCE_MS = 30_000;
/** Time to give back, at the end of a run, what it took from another one. */
const RELEASE_MS = 300;
/** Time for members to appear where a mapping names a role or container that no member has yet. */
const OBSTACLE_MS = 5_000;

/** Makes an engine; nothing runs before `run`. */
export function createEngine(options: EngineOptions): Engine {
  return new JoinedEngine(options);
}

class JoinedEngine implements Engine {
  readonly commands: EngineCommands;
  readonly #options: EngineOptions;
  readonly #runId: string;
  readonly #owner: string;
  /** When this run began, or took targets back: the later one of two runs owns a target. */
  #since = new Date().toISOString();
  readonly #abort = new AbortController();
  readonly #archives = new ArchivePool();
  readonly #sessions: Sessions;
  readonly #places = new Places();
  readonly #reflectors: ReflectorPool;
  readonly #done = Promise.withResolvers<void>();
  /** What should run, and what runs, in the same order. */
  #wanted: readonly ResolvedWorkload[];
  #kinds: readonly KindEntry[];
  #workloads: readonly WorkloadEngine[] = [];
  /** Of the next workload: it never repeats in a run. */
  #rank = 0;
  #replacing: Promise<unknown> = Promise.resolve();
  #elapsed: Elapsed = { wait: false, obstacle: false, patience: false };
  #obstacleTimer: NodeJS.Timeout | undefined;
  #ending: Promise<void> | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#wanted = options.workloads;
    this.#kinds = options.kinds;
    this.#runId = options.runId ?? randomUUID();
    this.#owner = options.owner ?? "unknown";
    this.#reflectors = new ReflectorPool({ cluster: options.cluster });
    this.#sessions = new Sessions({
      cluster: options.cluster,
      transports: options.transports,
      runId: this.#runId,
      owner: this.#owner,
      host: options.host,
      writerFor: options.writerFor,
      since: () => this.#since,
    });
    this.commands = engineCommands(
      () => (this.#ending === undefined ? this.#workloads : []),
      (workloads, kinds) => this.#setWorkloads(workloads, kinds),
      () => this.#becomeLater(),
    );
  }

  async run(): Promise<RunResult> {
    const { signal, mode, wait = WAIT_MS } = this.#options;
    const stop = (): void => this.#done.resolve();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    this.#options.cluster.expectSockets?.();
    const kinds = this.#lazyKinds(this.#wanted);
    if (kinds.length > 0) await Promise.all(kinds.map((kind) => kind.load()));
    this.#workloads = this.#wanted.map((workload) => this.#join(workload));
    const timers =
      mode === "once"
        ? [setTimeout(() => this.#pass("wait"), wait), setTimeout(() => this.#pass("patience"), wait + PATIENCE_MS)]
        : [];
    try {
      this.#check();
      await this.#done.promise;
      // In watch mode an obstacle may still disappear; only `once` ends with it.
      const isAnswer = mode === "once" && !signal.aborted;
      if (isAnswer) for (const workload of this.#workloads) workload.reportUnread();
      const result: RunResult = {
        summaries: this.#workloads.map((workload) => workload.summary()),
        outcome: this.#runOutcome(isAnswer),
      };
      await this.#release();
      await this[Symbol.asyncDispose]();
      for (const summary of result.summaries) this.#emit(summary);
      return result;
    } finally {
      for (const timer of timers) clearTimeout(timer);
      clearTimeout(this.#obstacleTimer);
      signal.removeEventListener("abort", stop);
    }
  }

  view(): EngineView {
    return { workloads: this.#workloads.map((workload) => workload.view()) };
  }

  #setWorkloads(workloads: readonly ResolvedWorkload[], kinds?: readonly KindEntry[]): Promise<WorkloadChanges> {
    const replaced = this.#replacing.then(() => this.#replace(workloads, kinds ?? this.#kinds));
    this.#replacing = replaced.catch(() => undefined);
    return replaced;
  }

  async #replace(workloads: readonly ResolvedWorkload[], kinds: readonly KindEntry[]): Promise<WorkloadChanges> {
    const changed = changedRoots(this.#kinds, kinds);
    const isAnew = (_: ResolvedWorkload, index: number): boolean =>
      changed.some((root) => this.#workloads[index]?.isJudgedBy(root) === true);
    const judgedAnew = new Set(this.#wanted.filter(isAnew).map(workloadKey));
    const changes = compareWorkloads(this.#wanted, workloads, judgedAnew);
    this.#kinds = kinds;
    if (this.#ending !== undefined || this.#workloads.length < this.#wanted.length) {
      // Not begun, or over.
      this.#wanted = workloads;
      return changes;
    }
    const kept = new Map<string, WorkloadEngine>();
    const ending: Promise<void>[] = [];
    for (const [index, engine] of this.#workloads.entries()) {
      const before = this.#wanted[index];
      const after = before && workloads.find((each) => workloadKey(each) === workloadKey(before));
      const isKept = after !== undefined && !judgedAnew.has(workloadKey(after)) && isSameWorkload(before, after);
      if (isKept) kept.set(workloadKey(after), engine);
      else if (after !== undefined) ending.push(engine.leave());
      else ending.push(engine.release(AbortSignal.timeout(RELEASE_MS)).then(() => engine.leave()));
    }
    // A new session claims what the former one held, so that it begins afterwards.
    await within(ENDING_MS, Promise.allSettled(ending));
    await Promise.all(this.#lazyKinds(workloads).map((kind) => kind.load()));
    this.#wanted = workloads;
    if (this.#isOver) return changes;
    this.#workloads = workloads.map((each) => kept.get(workloadKey(each)) ?? this.#join(each));
    this.#check();
    return changes;
  }

  get #isOver(): boolean {
    return this.#ending !== undefined;
  }

  /** Begins anew, as far as other runs see: later than each run that took a target, also where its clock is ahead. */
  #becomeLater(): void {
    const taken = this.#workloads
      .flatMap((workload) => workload.takenSince ?? [])
      .map((since) => Date.parse(since) + 1);
    this.#since = new Date(Math.max(Date.now(), ...taken.filter((time) => !Number.isNaN(time)))).toISOString();
  }

  /** Gives back what this run took from runs that may still be there. */
  async #release(): Promise<void> {
    const limit = AbortSignal.timeout(RELEASE_MS);
    const { promise, resolve } = Promise.withResolvers<void>();
    limit.addEventListener("abort", () => resolve(), { once: true });
    await Promise.race([Promise.all(this.#workloads.map((workload) => workload.release(limit))), promise]);
  }

  #kindOf(workload: ResolvedWorkload): KindEntry | undefined {
    return this.#kinds.find((candidate) => isSameResource(candidate.root, workload.ref.resource));
  }

  /** Kinds of the workloads whose code is not imported yet. */
  #lazyKinds(workloads: readonly ResolvedWorkload[]): readonly LazyKind[] {
    const kinds = workloads.map((workload) => this.#kindOf(workload));
    return kinds.filter((kind) => kind?.type === "lazy-kind" && kind.loaded === undefined) as readonly LazyKind[];
  }

  #join(workload: ResolvedWorkload): WorkloadEngine {
    const { cluster, allowEmpty = false, createSource: custom } = this.#options;
    const entry = this.#kindOf(workload);
    const kind = entry === undefined ? undefined : loadedKind(entry);
    const { signal } = this.#abort;
    const kinds = (): readonly KindEntry[] => this.#kinds;
    const watched = { ...workload, cluster, reflectors: this.#reflectors, kind, kinds, signal };
    return new WorkloadEngine({
      workload,
      kind,
      archives: this.#archives,
      watch: (own) => watchWorkload({ ...watched, onResolution: withObserver(own, workload, this.#options.onMembers) }),
      createSource: custom === undefined ? createSource : checkedSources(custom),
      capabilities: (mapping) => this.#sessions.transport(mapping).capabilities,
      open: (...opening) => this.#open(workload, ...opening),
      placeOf: ({ target, member }, mapping, root) =>
        target && this.#sessions.transport(mapping).place(target, root, { pod: member.pod }),
      places: this.#places,
      rank: this.#rank++,
      runId: this.#runId,
      since: () => this.#since,
      allowEmpty,
      kept: this.#options.kept,
      consent: this.#options,
      signal,
      onEvent: (event) => this.#emit(event),
      onChange: () => this.#check(),
    });
  }

  #outcome(withObstacles = true): Outcome {
    const progress = this.#workloads.map((workload) => workload.progress);
    const counted = withObstacles ? progress : progress.map((each) => ({ ...each, obstacle: undefined }));
    return outcome(counted, this.#elapsed);
  }

  #runOutcome(withObstacles: boolean): RunOutcome {
    const { isDone, exitCode, obstacle } = this.#outcome(withObstacles);
    return { isDone, exitCode, problem: obstacle?.error() };
  }

  #pass(limit: keyof Elapsed): void {
    this.#elapsed = { ...this.#elapsed, [limit]: true };
    this.#check();
  }

  /** Is the work of `once` done? */
  #check(): void {
    const { mode, wait = WAIT_MS } = this.#options;
    if (mode !== "once" || this.#workloads.length < this.#wanted.length || this.#ending !== undefined) return;
    const { isDone, obstacle } = this.#outcome();
    if (isDone) {
      this.#done.resolve();
      return;
    }
    if (obstacle === undefined) {
      clearTimeout(this.#obstacleTimer);
      this.#obstacleTimer = undefined;
      this.#elapsed = { ...this.#elapsed, obstacle: false };
    } else {
      this.#obstacleTimer ??= setTimeout(() => this.#pass("obstacle"), Math.min(OBSTACLE_MS, wait));
    }
  }

  async #open(workload: ResolvedWorkload, ...opening: Parameters<OpenSession>): Promise<HostedSession> {
    const [, mapping] = opening;
    const { name, capabilities } = this.#sessions.transport(mapping);
    // A program may pass workloads that no project has checked.
    const consent = this.#options.writerFor === undefined ? consentError(name, mapping.id, capabilities) : undefined;
    if (consent !== undefined) throw consent;
    const missing = unsupported(needsOf(mapping, workload), capabilities);
    if (missing.length > 0) throw unsupportedError(name, mapping.id, missing);
    return await this.#sessions.open(...opening);
  }

  #emit(event: EngineEvent): void {
    this.#options.onEvent(cleanData(event));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#done.resolve();
    return (this.#ending ??= this.#end());
  }

  async #end(): Promise<void> {
    const ending = Promise.allSettled(this.#workloads.map((workload) => workload[Symbol.asyncDispose]())).then(() =>
      Promise.allSettled([this.#reflectors[Symbol.asyncDispose](), this.#archives[Symbol.asyncDispose]()]),
    );
    this.#abort.abort();
    this.#places[Symbol.dispose]();
    await within(ENDING_MS, ending);
  }
}

function isSameResource(one: ResourceType, other: ResourceType): boolean {
  return one.group === other.group && one.kind === other.kind;
}
