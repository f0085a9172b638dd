// In more than 300 lines because one object is the options, the listener and the places of its worker: there may be thousands.
import type { TransportCapabilities } from "../contract/capabilities.ts";
import type { HostedSession, ReceiptNote, SessionFacts } from "../contract/session.ts";
import type { ErrorCode } from "../errors/codes.ts";
import { KinsyncError } from "../errors/error.ts";
import type { ResolvedAction } from "../mapping/action.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { EligibleContainer } from "../resolve/select/eligible.ts";
import { actionsDue, takesPart } from "../sync/actions/due.ts";
import type { StepResult } from "../sync/actions/runner.ts";
import { isByWrapper } from "../sync/actions/steps.ts";
import type { ActionTurns } from "../sync/actions/turns.ts";
import type { ArchivePool } from "../sync/archive/archive-pool.ts";
import type { Deletes } from "../sync/target/deletes.ts";
import type { DeliveryStats } from "../sync/target/deliver.ts";
import type { DesiredRoot, DesiredState } from "../sync/target/desired-state.ts";
import type { PreparedCandidate } from "../sync/target/ahead.ts";
import type { ClaimedRoots, Claimant } from "../sync/target/first-contact.ts";
import type { TargetStatus } from "../sync/target/status.ts";
import type { WorkerListener, WorkerOptions } from "../sync/target/worker-options.ts";
import { Worker } from "../sync/target/worker.ts";
import { failedRunsOf, heldBy, pendingRunsOf } from "./actions/failed-runs.ts";
import type { ActionCoordinator, ActionTarget } from "./actions/coordinator.ts";
import type { SharedFailures } from "./shared-failures.ts";
import type { DeleteConsent } from "./delete-consent.ts";
import { projectSnapshot, type Projected } from "./desired.ts";
import { namesOf, type TargetNames } from "./emit.ts";
import type { GangTarget } from "./gang/gang-state.ts";
import type { Gang } from "./gang/gang.ts";
import type { OpenSession } from "./open-session.ts";
import type { TargetView } from "./options.ts";
import { TargetPlaces, type PlacedTarget, type TargetPlacesContext } from "./places/target-places.ts";
import type { Snapshot } from "./snapshot.ts";
import { shareOf, type Share, type TargetCounts } from "./target-counts.ts";

/** What the targets of one workload share. */
export interface TargetContext extends TargetPlacesContext {
  readonly actions: readonly ResolvedAction[];
  /** `undefined`: no action depends on other targets. */
  readonly coordinator: ActionCoordinator | undefined;
  readonly archives: ArchivePool;
  readonly counts: TargetCounts;
  readonly sharedFailures: SharedFailures;
  readonly consent: DeleteConsent;
  readonly capabilities: (mapping: ResolvedMapping) => TransportCapabilities;
  readonly open: OpenSession;
  /** The released snapshot. */
  readonly snapshot: () => Snapshot | undefined;
  /** Of a workload whose members get a snapshot at one moment. */
  readonly gang: Gang<TargetEntry> | undefined;
  /** The workload's targets have ended. */
  readonly isOver: () => boolean;
  /** A count changed. */
  readonly onChange: () => void;
}

/**
 * One container that should hold files, and its worker while it runs. It is the worker's options and its listener: one object a
 * target, since there may be thousands.
 */
export class TargetEntry implements WorkerOptions, WorkerListener, PlacedTarget, ActionTarget, GangTarget {
  /** As last resolved; replaced with every change of the member, never kept. */
  eligible: EligibleContainer;
  readonly claimant: Claimant;
  readonly #context: TargetContext;
  #worker: Worker | undefined;
  /** What it adds to the counts now. */
  #share: Share | undefined;
  /** Only while the container runs. */
  #places: TargetPlaces | undefined;
  #workingDirectory: string | undefined;
  /** Of the error that explains the status. */
  #code: ErrorCode | undefined;
  /** Entries of the last delivery. */
  #files = 0;
  /** Tenths of milliseconds of the last delivery: a whole number is stored in its field, and any other one beside it. */
  #tenths: number | undefined;
  /** Of a target in which commands failed: how many are in the counts, and why one of them holds the target. */
  #failed: { readonly count: number; readonly held: string | undefined } | undefined;
  #hasLeft = false;

  constructor(context: TargetContext, eligible: EligibleContainer, claimant: Claimant) {
    this.#context = context;
    this.eligible = eligible;
    this.claimant = claimant;
  }

  /** `undefined` while the container does not run. */
  get worker(): Worker | undefined {
    return this.#worker;
  }

  get workingDirectory(): string | undefined {
    return this.#workingDirectory;
  }

  /** Starts the worker, if the container runs. */
  start(): void {
    if (this.eligible.container.runningId === undefined) return;
    this.#places = new TargetPlaces(this.#context, this);
    this.#place(this.#places);
    this.#worker = new Worker(this);
    this.#count(this.#worker);
    this.#context.gang?.changed(this);
  }

  /** Pushes the desired state of this moment to the worker. */
  push(): void {
    if (this.#places === undefined || !this.#isCurrent) return;
    this.#place(this.#places);
    this.#worker?.update(this.desired, this.candidate);
  }

  #place(places: TargetPlaces): void {
    const ahead = this.#projectedAhead;
    const { key } = this.#projected.state;
    places.update(this.#placed, ahead === undefined ? key : `${key}\n${ahead.state.key}`);
  }

  /** All that the members of the gang waited for has happened. */
  startActions(): void {
    this.#worker?.startActions();
  }

  noteChanged(mapping: string, paths: readonly string[]): void {
    this.#worker?.noteChanged(mapping, paths);
  }

  onOwedChanged(): void {
    this.#worker?.recordOwed();
  }

  /** Retries at once what failed or waits for its next attempt. */
  retryNow(): void {
    if (this.#places !== undefined) this.#context.places.retried(this.#places);
    this.#worker?.retryNow();
  }

  /** Takes the target back from another run. */
  reclaim(): void {
    if (this.#worker?.isTaken !== true) return;
    if (this.#places !== undefined) this.#context.places.reclaimed(this.#places);
    this.#worker.reclaim();
  }

  /** The container no longer exists, or should no longer hold files. */
  leave(): void {
    this.#hasLeft = true;
    if (this.#worker !== undefined) this.#context.gang?.left(this);
    this.leavePlaces();
    this.#context.counts.replace(this.#share, undefined);
    this.#share = undefined;
    this.#context.counts.failedRuns -= this.#failed?.count ?? 0;
    this.#failed = undefined;
    this.#context.coordinator?.remove(this);
  }

  /** Failed commands no longer count. */
  dismiss(): boolean {
    const isDismissed = this.#worker?.actions?.dismiss() === true;
    if (isDismissed) {
      this.#context.coordinator?.dismiss(this);
      this.onChange();
    }
    return isDismissed;
  }

  onFree(action: ResolvedAction): void {
    this.#worker?.actions?.runSkipped(action);
  }

  /** Its places stay as long as another target has them. */
  leavePlaces(): void {
    this.#context.sharedFailures.forget(this);
    if (this.#places !== undefined) this.#context.places.remove(this.#places);
  }

  view(): TargetView {
    const { member, container, target, mappings } = this.eligible;
    const shared = this.#places?.shared() ?? [];
    const code = this.#isHeld ? "KINSYNC_RUN_FAILED" : this.#code;
    const failedRuns = failedRunsOf(this.#worker?.actions?.failures);
    const runs = pendingRunsOf(this.#worker?.actions?.due(this.snapshot ?? 0));
    return {
      pod: member.name,
      uid: member.uid,
      container: container.name,
      containerId: target?.containerId,
      mappings: mappings.map(({ id }) => id),
      status: this.#status,
      snapshot: this.snapshot,
      files: this.#files,
      duration: this.#tenths === undefined ? undefined : this.#tenths / 10,
      reason: this.#reason,
      ...(code === undefined ? {} : { code }),
      ...(runs.length === 0 ? {} : { runs }),
      ...(failedRuns.length === 0 ? {} : { failedRuns }),
      ...(shared.length === 0 ? {} : { shared }),
    };
  }

  /** A target that would be up to date, and that a failed command holds. */
  get #isHeld(): boolean {
    return this.#failed?.held !== undefined && this.#worker?.status === "synced";
  }

  get #status(): TargetStatus {
    return this.#isHeld ? "failed" : (this.#worker?.status ?? "waiting");
  }

  get #reason(): string {
    const held = this.#isHeld ? this.#failed?.held : undefined;
    return held ?? this.#worker?.reason ?? this.eligible.container.waiting ?? "the container does not run";
  }

  /** How events name the target. */
  names(): TargetNames {
    return namesOf(this.eligible.member, this.eligible.container.name);
  }

  get #running(): TargetPlaces {
    if (this.#places === undefined) throw new KinsyncError("KINSYNC_INTERNAL", `${this.name} was not started`);
    return this.#places;
  }

  /** What the target should hold by itself. */
  get #projected(): Projected {
    const { mappings } = this.eligible;
    return projectSnapshot(this.#context.snapshot(), { mappings, workingDirectory: this.#workingDirectory });
  }

  /** What the target should prepare; `undefined` where nothing is. */
  get #projectedAhead(): Projected | undefined {
    const candidate = this.#context.gang?.candidate;
    const { mappings } = this.eligible;
    return candidate && projectSnapshot(candidate, { mappings, workingDirectory: this.#workingDirectory });
  }

  /** Where its roots are: of what it should hold, or of the first snapshot that it should prepare. */
  get #placed(): Projected {
    const now = this.#projected;
    return now.layout.length === 0 ? (this.#projectedAhead ?? now) : now;
  }

  // --- a member of a gang ---

  get preparation(): PreparedCandidate | undefined {
    return this.#worker?.preparation;
  }

  get status(): TargetStatus {
    return this.#worker?.status ?? "waiting";
  }

  get reason(): string {
    return this.#worker?.reason ?? "";
  }

  get snapshot(): number | undefined {
    return this.#worker?.snapshot;
  }

  // --- options of the worker ---

  get name(): string {
    return `pod/${this.eligible.member.name}, container ${this.eligible.container.name}`;
  }

  get desired(): DesiredState {
    return this.#running.state(this.#projected);
  }

  get candidate(): DesiredState | undefined {
    const ahead = this.#projectedAhead;
    if (ahead === undefined) return undefined;
    // Where a mapping becomes a file or a folder, its root is another one: it cannot be staged before the former one is left.
    if (ahead.layoutKey !== this.#placed.layoutKey) return { ...ahead.state, roots: [] };
    return this.#running.state(ahead);
  }

  get isGang(): boolean {
    return this.#context.gang !== undefined;
  }

  get isRestarting(): boolean {
    return this.#worker?.actions?.isRestarting ?? false;
  }

  mayAct(): boolean {
    return this.#context.gang?.mayAct ?? true;
  }

  get claimed(): ClaimedRoots {
    return this.#running;
  }

  get archives(): ArchivePool {
    return this.#context.archives;
  }

  get listener(): WorkerListener {
    return this;
  }

  capabilities(mapping: ResolvedMapping): TransportCapabilities {
    return this.#context.capabilities(mapping);
  }

  mayDelete({ mapping }: DesiredRoot, paths: readonly string[]): boolean {
    return this.#context.consent.mayDelete(mapping, paths);
  }

  open(
    mapping: ResolvedMapping,
    serves: (mapping: ResolvedMapping) => boolean,
    signal: AbortSignal,
  ): Promise<HostedSession> {
    const served = this.desired.roots.filter((root) => serves(root.mapping));
    const specs = served.map(({ spec }) => spec);
    return this.#context.open(this.eligible, mapping, specs, signal);
  }

  actionsDue(changed: Iterable<string>): ReadonlyMap<ResolvedAction, string> {
    return actionsDue(this.#context.actions, this.eligible.member, changed);
  }

  get wrapped(): ResolvedAction | undefined {
    return this.#context.actions.find((action) => isByWrapper(action) && takesPart(action, this.eligible.member));
  }

  get turns(): ActionTurns | undefined {
    return this.#context.coordinator?.turnsOf(this);
  }

  get role(): string | undefined {
    return this.eligible.member.role;
  }

  get index(): string | undefined {
    return this.eligible.member.index;
  }

  owed({ mapping }: DesiredRoot): readonly string[] {
    return this.#context.places.owed(this.#running, mapping.id);
  }

  // --- reports of the worker ---

  /** The worker of an ended target does not report. */
  get #isCurrent(): boolean {
    return !this.#hasLeft && !this.#context.isOver();
  }

  onStatus(status: TargetStatus, reason: string, error: KinsyncError | undefined): void {
    if (!this.#isCurrent) return;
    const { emitter } = this.#context;
    const names = this.names();
    const snapshot = this.#worker?.snapshot;
    this.#code = error?.code;
    // A held target is not reported as up to date in between.
    if (this.#isHeld) this.#emitTarget();
    else emitter.emit({ event: "target", ...names, status, reason, ...(snapshot === undefined ? {} : { snapshot }) });
    this.#context.coordinator?.status(this, status);
    if (error !== undefined) emitter.failure(names, status, error);
    this.#context.places.status(this.#running, status, reason, error);
  }

  onSynced({ mapping }: DesiredRoot, snapshot: number, stats: DeliveryStats, duration: number): void {
    if (!this.#isCurrent) return;
    this.#files = stats.files + stats.deleted;
    this.#tenths = Math.round(duration * 10);
    const standing = this.#running.standing(mapping.id);
    this.#context.emitter.synced(this.names(), { mapping: mapping.id, snapshot, stats, duration, standing });
  }

  onDelivering({ mapping }: DesiredRoot): void {
    if (this.#isCurrent) this.#context.places.delivering(this.#running, mapping.id);
  }

  onDelivered({ mapping, tree }: DesiredRoot, changed: readonly string[]): void {
    if (this.#isCurrent) this.#context.places.delivered(this.#running, mapping.id, tree.digest, changed);
  }

  onShared({ mapping }: DesiredRoot): void {
    if (this.#isCurrent) this.#context.places.proved(this.#running, mapping.id);
  }

  onApart({ mapping }: DesiredRoot): void {
    if (this.#isCurrent) this.#context.places.apart(this.#running, mapping.id);
  }

  onReleased(): void {
    if (this.#isCurrent) this.reclaim();
  }

  onFailure(error: KinsyncError): void {
    if (this.#isCurrent) this.#context.places.failed(this.#running, error);
  }

  onRetry(error: KinsyncError, delay: number): void {
    if (!this.#isCurrent) return;
    const { code, message, hint } = error;
    this.#context.sharedFailures.failed(this, error);
    this.#context.emitter.emit({ event: "retry", ...this.names(), code, reason: message, hint, delay });
  }

  onProgress({ mapping }: DesiredRoot, sent: number, total: number): void {
    if (!this.#isCurrent) return;
    this.#context.emitter.emit({ event: "progress", ...this.names(), mapping: mapping.id, sent, total });
  }

  #emitTarget(): void {
    const snapshot = this.#worker?.snapshot;
    this.#context.emitter.emit({
      event: "target",
      ...this.names(),
      status: this.#status,
      reason: this.#reason,
      ...(snapshot === undefined ? {} : { snapshot }),
    });
  }

  onRun(action: ResolvedAction, step: StepResult): void {
    if (this.#isCurrent) this.#context.emitter.run(this.names(), action, step);
  }

  onLanded(snapshot: number): void {
    if (this.#isCurrent) this.#context.coordinator?.landed(this, snapshot);
  }

  onOwed(mapping: string, paths: readonly string[]): void {
    if (this.#isCurrent) this.#context.places.owes(this.#running, mapping, paths);
  }

  onDeletes({ mapping }: DesiredRoot, error: KinsyncError, deletes: Deletes): void {
    if (!this.#isCurrent) return;
    this.#context.emitter.deletes(this.names(), mapping.id, error, deletes);
    const { key } = this.eligible;
    this.#context.consent.halted({ key, ...this.names(), mapping, deletes, error });
  }

  onNote(code: string, text: string): void {
    if (this.#isCurrent) this.#context.emitter.note(code, text);
  }

  onReceiptNote(note: ReceiptNote): void {
    if (this.#isCurrent) this.#context.emitter.targetNote(this.eligible, note);
  }

  onSession({ agent, choice, incarnation, workingDirectory }: SessionFacts): void {
    if (!this.#isCurrent) return;
    // Of a target that another run took, sessions are opened to find out whether that run has left it.
    if (this.#worker?.isTaken !== true) {
      const { emitter } = this.#context;
      emitter.emit({ event: "session", ...this.names(), agent, ...(choice === undefined ? {} : { choice }) });
    }
    this.#context.sharedFailures.reached(this);
    this.#context.places.opened(this.#running, incarnation);
    if (workingDirectory === undefined || this.#workingDirectory === workingDirectory) return;
    this.#workingDirectory = workingDirectory;
    this.push();
  }

  onChange(): void {
    if (this.#worker === undefined || !this.#isCurrent) return;
    this.#countFailures();
    this.#count(this.#worker);
    this.#context.gang?.changed(this);
    this.#context.onChange();
  }

  #countFailures(): void {
    const failures = this.#worker?.actions?.failures;
    if (failures === undefined || (failures.size === 0 && this.#failed === undefined)) return;
    const before = this.#failed;
    const held = heldBy(failures);
    this.#context.counts.failedRuns += failures.size - (before?.count ?? 0);
    this.#failed = failures.size === 0 ? undefined : { count: failures.size, held: held?.message };
    if (held?.message === before?.held) return;
    this.#emitTarget();
    if (held !== undefined && this.#isHeld) this.#context.emitter.failure(this.names(), "failed", held);
  }

  #count({ idle }: Worker): void {
    const status = this.#status;
    // A stale target waits for its next attempt: nothing is in progress.
    const share = shareOf(status, !idle && status !== "stale");
    this.#context.counts.replace(this.#share, share);
    this.#share = share;
  }
}
