// In more than 300 lines: it joins the rooms of one workload, and has a method for each command.
import type { ResourceType } from "../contract/resource.ts";
import type { WorkloadWatch } from "../resolve/members/watch-options.ts";
import type { MemberChange, Resolution } from "../resolve/resolution.ts";
import type { Commandable } from "./commands.ts";
import { LocalActions } from "./actions/local-actions.ts";
import { Absence } from "./absence.ts";
import { DeleteConsent } from "./delete-consent.ts";
import { WorkloadEmitter } from "./emit.ts";
import type { SummaryEvent } from "./events.ts";
import type { Offer } from "./gang/gang-state.ts";
import { Gang } from "./gang/gang.ts";
import { LocalFiles } from "./local-files.ts";
import type { WorkloadView } from "./options.ts";
import { isReady, type Obstacle, type WorkloadProgress } from "./outcome.ts";
import type { DeclaredRoles } from "./selection-counts.ts";
import type { WorkloadEngineOptions } from "./workload-options.ts";
import { TargetRegistry } from "./registry.ts";
import { summaryOf } from "./summary.ts";
import { Release } from "./release.ts";
import type { TargetEntry } from "./target-entry.ts";
import { changesOf, type Snapshot } from "./snapshot.ts";
import { isTransient, unreadPaths, unreadProblems } from "./unread.ts";

/** One workload: joins its local files, its members and its targets. */
export class WorkloadEngine implements AsyncDisposable, Commandable {
  readonly #options: WorkloadEngineOptions;
  readonly #emitter: WorkloadEmitter;
  readonly #files: LocalFiles;
  /** Which snapshot is released, and the orders that change it. */
  readonly releases: Release;
  readonly #consent: DeleteConsent;
  readonly #local: LocalActions;
  readonly #registry: TargetRegistry;
  /** `undefined` where each member gets a snapshot as soon as it can. */
  readonly #gang: Gang<TargetEntry> | undefined;
  readonly #watch: WorkloadWatch;
  /** UIDs of the pods that existed when this run began; `undefined` until they are known. */
  #initialPods: ReadonlySet<string> | undefined;
  #resolution: Resolution | undefined;
  readonly #absence: Absence;
  #isReady = false;
  #isOver = false;

  constructor(options: WorkloadEngineOptions) {
    const { workload, kind, archives, runId, since, signal } = options;
    this.#options = options;
    this.#emitter = new WorkloadEmitter(workload.name, workload.ref.namespace, options.onEvent);
    this.#absence = new Absence(workload.name, this.#emitter);
    const { host, deletes = "ask", allowedDeletes = [], onDeletes } = options.consent;
    this.#consent = new DeleteConsent({
      workload: workload.name,
      namespace: workload.ref.namespace,
      deletes,
      allowed: allowedDeletes,
      ask: onDeletes,
      onAllowed: () => this.retryNow(),
      onChange: () => this.#onChange(),
      signal,
    });
    const { gang } = workload;
    this.#gang =
      gang &&
      new Gang<TargetEntry>({
        policy: gang,
        targets: () => this.#registry.running(),
        isResolved: () => this.#initialPods !== undefined && this.#resolution !== undefined,
        onPush: () => this.#registry.release(this.#gang?.released),
        onReleased: (offer, previous) => this.#report(offer, previous),
        onState: (state) => this.#emitter.emit({ event: "gang", ...state }),
        onCommitted: () => this.#registry.startActions(),
      });
    this.#registry = new TargetRegistry({
      mappings: workload.mappings,
      actions: workload.run,
      kind,
      archives,
      emitter: this.#emitter,
      capabilities: options.capabilities,
      open: options.open,
      consent: this.#consent,
      placeOf: options.placeOf,
      places: options.places,
      rank: options.rank,
      runId,
      since,
      host,
      gang: this.#gang,
      isInitial: (uid) => this.#initialPods?.has(uid) ?? true,
      onChange: () => this.#onChange(),
    });
    this.releases = new Release({
      mode: workload.mode,
      kept: options.kept,
      onRelease: (snapshot, previous, origin, of) => this.#onRelease({ snapshot, origin, of }, previous),
      onPending: () => this.#onPending(),
      isBehind: () => this.#gang?.heldBack !== undefined,
      signal,
    });
    this.#local = new LocalActions({
      workload,
      createSource: options.createSource,
      emitter: this.#emitter,
      isReleasing: (state) => this.releases.isReleasing(state),
      onState: (state) => this.releases.offer(state),
      onChange: () => this.#onChange(),
      signal,
    });
    this.#files = new LocalFiles({
      mappings: workload.mappings,
      createSource: options.createSource,
      allowEmpty: options.allowEmpty,
      onState: (state) => {
        this.#local.offer(state);
        // Where nothing is released, what cannot be read may still differ.
        this.#onChange();
      },
      onProblem: (problem) => this.#emitter.problem(problem),
      onNote: (mapping, note) => this.#emitter.note("local", `${mapping.fromText}: ${note}`),
      signal,
    });
    this.#watch = options.watch((resolution, changes) => this.#onResolution(resolution, changes));
    void this.#watch.ready.then(
      (resolution) => {
        this.#initialPods = new Set(resolution.members.map(({ uid }) => uid));
        this.#gang?.during();
        this.#onChange();
      },
      () => {},
    );
  }

  get progress(): WorkloadProgress {
    const { targets } = this.#registry;
    const snapshot = this.releases.current;
    return {
      isLocalReady: snapshot !== undefined,
      isResolved: this.#initialPods !== undefined,
      wasReady: this.#isReady,
      isHalted: snapshot?.mappings.every(({ halted }) => halted !== undefined) ?? false,
      targets: { ...targets.statuses },
      atBarrier: targets.atBarrier,
      heldBack: this.#gang?.heldBack,
      busy: targets.busy + this.#consent.pending + Number(this.#local.isRunning),
      notRunning: targets.notRunning,
      failedRuns: targets.failedRuns + this.#local.failures,
      ...this.#unread,
      obstacle: this.#obstacle(),
    };
  }

  get #unread(): Pick<WorkloadProgress, "unread" | "unstable"> {
    const problems = unreadProblems(this.#files.problems);
    return { unread: problems.length, unstable: problems.filter(isTransient).length };
  }

  view(): WorkloadView {
    const { held, pending } = this.releases;
    const [gang, before] = [this.#gang?.state, this.#local.before];
    const unread = unreadPaths(this.#files.problems);
    const snapshot = this.#released?.number ?? 0;
    // It may wait behind the candidate.
    const newest = this.releases.current?.number ?? 0;
    const local = this.#local.runs(snapshot);
    return {
      name: this.name,
      namespace: this.namespace,
      resolution: this.#resolution,
      mappings: this.#options.workload.mappings,
      snapshot,
      ...(newest === snapshot ? {} : { newest }),
      ...(gang === undefined ? {} : { gang }),
      ...(held === undefined ? {} : { held }),
      ...(pending === undefined ? {} : { pending }),
      ...(before === undefined ? {} : { before }),
      ...(local.length === 0 ? {} : { local }),
      ...(unread === undefined ? {} : { unread }),
      targets: this.#registry.view(),
    };
  }

  summary(): SummaryEvent {
    const { counts, targets } = this.#registry;
    const of = { workload: this.name, namespace: this.namespace, members: counts.members };
    return summaryOf({ ...of, localFailures: this.#local.failures, unread: this.#unread.unread }, targets);
  }

  /** Names the local paths that a run without an obstacle ends without: those that are read again by themselves were not named before. */
  reportUnread(): void {
    for (const problem of unreadProblems(this.#files.problems)) this.#emitter.problem(problem);
  }

  /** See `WorkloadWatch.isJudgedBy`. */
  isJudgedBy(resource: ResourceType): boolean {
    return this.#watch.isJudgedBy(resource);
  }

  rescan(): Promise<void> {
    return this.#files.rescan();
  }

  retryNow(): void {
    this.#registry.retryNow();
    this.#gang?.retry();
  }

  async trigger(files: readonly string[] | undefined): Promise<number | undefined> {
    this.retryNow();
    const release = (): number | undefined => this.releases.trigger(files);
    if (this.releases.pending !== undefined) return await this.#local.release(release, () => this.rescan());
    const before = this.releases.current?.number;
    // In mode `auto`, files whose `before` failed wait in front of the releases.
    await this.#local.retryBefore();
    return release() ?? (this.releases.current?.number === before ? undefined : this.releases.current?.number);
  }

  async resume(): Promise<void> {
    const resume = (): void => this.releases.resume();
    const isReleasing = this.releases.held === "paused" && this.#options.workload.mode === "auto";
    if (!isReleasing || this.releases.pending === undefined) resume();
    else await this.#local.release(resume, () => this.rescan());
  }

  dismiss(): readonly string[] {
    return [...this.#registry.dismiss(), ...(this.#local.dismiss() ? ["this machine"] : [])];
  }

  get name(): string {
    return this.#options.workload.name;
  }

  get namespace(): string {
    return this.#options.workload.ref.namespace;
  }

  reclaim(): void {
    this.#registry.reclaim();
  }

  /** The latest start of a run that took a target of this workload. */
  get takenSince(): string | undefined {
    return this.#registry.takenSince;
  }

  /** Gives back what this run took from another one. */
  release(signal: AbortSignal): Promise<void> {
    return this.#registry.giveBack(signal);
  }

  allowDeletes(mapping?: string): void {
    this.#consent.allow(mapping);
  }

  #onRelease(offer: Offer, previous: Snapshot | undefined): void {
    const { snapshot } = offer;
    if (this.#gang === undefined) {
      this.#report(offer, previous);
      this.#registry.release(snapshot);
    } else this.#gang.offer(offer);
    if (snapshot.number !== (previous?.number ?? 0)) this.#registry.remindTaken();
    this.#onChange();
  }

  /** A snapshot is released. */
  #report({ snapshot, origin, of }: Offer, previous: Snapshot | undefined): void {
    const changes = changesOf(previous?.mappings, snapshot.mappings);
    this.#emitter.halts(changes);
    this.releases.released(snapshot.number);
    if (snapshot.number !== (previous?.number ?? 0)) this.#emitter.snapshot(snapshot, changes, { origin, of });
    this.#registry.announce(snapshot, changes);
  }

  get #released(): Snapshot | undefined {
    return this.#gang === undefined ? this.releases.current : this.#gang.released;
  }

  #onPending(): void {
    this.#emitter.pending(this.releases.held, this.releases.pending);
    this.#onChange();
  }

  #onResolution(resolution: Resolution, changes: readonly MemberChange[]): void {
    if (this.#isOver) return;
    this.#resolution = resolution;
    for (const problem of resolution.problems) this.#emitter.problem(problem);
    this.#registry.apply(changes);
    this.#local.members(changes);
    this.#gang?.during();
    this.#absence.report(resolution, this.#registry, this.#declaredRoles);
    this.#onChange();
  }

  #obstacle(): Obstacle | undefined {
    const [problem] = this.#resolution?.problems ?? [];
    const { targets, counts } = this.#registry;
    const failure = this.#local.error;
    if (failure !== undefined) return { code: failure.code, error: () => failure, isFinal: true };
    if (problem !== undefined && targets.running + targets.notRunning === 0) {
      return { code: problem.code, error: () => problem };
    }
    return counts.unmatched(this.#declaredRoles)[0] ?? this.#registry.sharedFailures.obstacle(targets.running);
  }

  /** Roles that the workload's spec names. They are all of them where its own kind reads the spec, and not those of children. */
  get #declaredRoles(): DeclaredRoles {
    const roles = this.#resolution?.roles;
    return { names: roles ?? [], isComplete: roles !== undefined && this.#options.kind?.roles !== undefined };
  }

  #onChange(): void {
    if (this.#isOver) return;
    this.#emitReady();
    if (this.#local !== undefined) this.#local.follow(this.#released?.number ?? 0, this.#registry);
    this.#options.onChange();
  }

  #emitReady(): void {
    if (this.#isReady || this.#registry === undefined || this.#files === undefined) return;
    if (!isReady(this.progress)) return;
    this.#isReady = true;
    const { members, targets, synced } = this.summary();
    this.#emitter.emit({ event: "ready", members, targets, synced });
  }

  /** Ends the workload while the run continues: other workloads may then write what it wrote. */
  async leave(): Promise<void> {
    this.#isOver = true;
    this.#registry.leavePlaces();
    await this[Symbol.asyncDispose]();
  }

  /** Ends the targets, the watch and the local files. `view`, `summary` and `progress` keep the last state. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#gang?.[Symbol.dispose]();
    await Promise.allSettled([
      this.#watch[Symbol.asyncDispose](),
      this.#files[Symbol.asyncDispose](),
      this.#local[Symbol.asyncDispose](),
      this.#registry[Symbol.asyncDispose](),
    ]);
  }
}
