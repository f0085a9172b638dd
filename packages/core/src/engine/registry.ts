import { asKinsyncError } from "../errors/error.ts";
import type { Member, MemberChange } from "../resolve/resolution.ts";
import { selectFromMember, type EligibleContainer, type MemberSelection } from "../resolve/select/eligible.ts";
import type { Claimant } from "../sync/target/first-contact.ts";
import { createCoordinator, type ActionCoordinator } from "./actions/coordinator.ts";
import { namesOf } from "./emit.ts";
import type { TargetView } from "./options.ts";
import type { RegistryOptions } from "./registry-options.ts";
import { SharedFailures } from "./shared-failures.ts";
import { SelectionCounts } from "./selection-counts.ts";
import { entriesOf, shortList, type ShortList } from "../sync/target/short-list.ts";
import type { Snapshot, SnapshotChange } from "./snapshot.ts";
import { TargetCounts } from "./target-counts.ts";
import { TargetEntry, type TargetContext } from "./target-entry.ts";

/** A member and its containers that should hold files. */
interface MemberTargets extends Pick<MemberSelection, "member" | "missing"> {
  readonly entries: ShortList<TargetEntry>;
}

const NONE: readonly never[] = Object.freeze([]);

/** The targets of one workload: keeps a worker for each running container that should hold files. One member's change costs one member. */
export class TargetRegistry implements AsyncDisposable {
  readonly counts: SelectionCounts;
  readonly targets = new TargetCounts();
  readonly sharedFailures: SharedFailures;
  readonly #options: RegistryOptions;
  readonly #members = new Map<string, MemberTargets>();
  readonly #context: TargetContext;
  readonly #claimants: { readonly initial: Claimant; readonly later: Claimant };
  readonly #ending = new Set<Promise<void>>();
  /** `undefined`: no action depends on other targets. */
  readonly #coordinator: ActionCoordinator | undefined;
  #snapshot: Snapshot | undefined;
  #isOver = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.counts = new SelectionCounts(options.mappings, () => this.#selectedMembers());
    this.sharedFailures = new SharedFailures((error) => options.emitter.sharedFailure(error));
    const { mappings, actions, archives, emitter, capabilities, open, onChange, consent } = options;
    const { placeOf, places, rank, runId, since, host, gang } = options;
    this.#coordinator = createCoordinator(actions, (code, reason) => emitter.note(code, reason));
    this.#context = {
      mappings,
      actions,
      coordinator: this.#coordinator,
      archives,
      emitter,
      counts: this.targets,
      sharedFailures: this.sharedFailures,
      consent,
      capabilities,
      open,
      placeOf,
      places,
      rank,
      snapshot: () => this.#snapshot,
      gang,
      isOver: () => this.#isOver,
      onChange,
    };
    const claimant = (force: boolean): Claimant => ({
      runId,
      get since() {
        return since();
      },
      host,
      force,
    });
    this.#claimants = { initial: claimant(true), later: claimant(false) };
  }

  /** Processes the members that came, went or changed. */
  apply(changes: readonly MemberChange[]): void {
    if (this.#isOver) return;
    const apply = (): void => {
      for (const { uid, after } of changes) this.#applyOne(uid, after);
    };
    // A container that restarts leaves and comes in one change.
    if (this.#options.gang === undefined) apply();
    else this.#options.gang.during(apply);
    this.#options.onChange();
  }

  #applyOne(uid: string, after: Member | undefined): void {
    const { emitter } = this.#options;
    const before = this.#members.get(uid);
    const former = before === undefined ? NONE : entriesOf(before.entries);
    if (before !== undefined) {
      this.counts.remove({ ...before, containers: former.map(({ eligible }) => eligible) });
    }
    emitter.member(before?.member, after);
    if (after === undefined) {
      this.#members.delete(uid);
      for (const entry of former) this.#end(entry);
      return;
    }
    const { containers, missing } = this.#select(after);
    const entries = containers.map(
      (eligible) => former.find((entry) => isSameContainer(entry.eligible, eligible)) ?? this.#entryOf(eligible),
    );
    this.#members.set(uid, { member: after, missing, entries: shortList(entries) });
    this.counts.add({ member: after, containers, missing });
    for (const entry of former) if (!entries.includes(entry)) this.#end(entry);
    for (const [at, entry] of entries.entries()) {
      if (former.includes(entry)) this.#update(entry, containers[at] as EligibleContainer);
      else this.#begin(entry);
    }
  }

  #select(member: Member): MemberSelection {
    const { mappings, kind, emitter } = this.#options;
    try {
      return selectFromMember(member, mappings, kind);
    } catch (error) {
      // A kind that fails to name a default container affects only this member.
      emitter.problem(asKinsyncError(error, `pod ${member.name}: cannot choose a container`, { retry: "retry" }));
      return { member, containers: [], missing: [] };
    }
  }

  #entryOf(eligible: EligibleContainer): TargetEntry {
    const { initial, later } = this.#claimants;
    return new TargetEntry(this.#context, eligible, this.#options.isInitial(eligible.member.uid) ? initial : later);
  }

  #update(entry: TargetEntry, eligible: EligibleContainer): void {
    const before = entry.eligible;
    entry.eligible = eligible;
    entry.push();
    if (entry.worker === undefined && before.container.waiting !== eligible.container.waiting) {
      this.#emitWaiting(eligible);
    }
  }

  #begin(entry: TargetEntry): void {
    if (entry.eligible.container.runningId !== undefined) {
      this.#coordinator?.add(entry);
      entry.start();
      return;
    }
    this.targets.notRunning += 1;
    this.#emitWaiting(entry.eligible);
  }

  #end(entry: TargetEntry): void {
    entry.leave();
    if (entry.worker === undefined) {
      this.targets.notRunning -= 1;
      return;
    }
    const ending = entry.worker[Symbol.asyncDispose]().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  *#entries(): Generator<TargetEntry, void, undefined> {
    for (const { entries } of this.#members.values()) yield* entriesOf(entries);
  }

  *#selectedMembers(): Generator<Member, void, undefined> {
    for (const { member } of this.#members.values()) yield member;
  }

  /** Gives up all places, so that targets of other workloads may write them. The end follows. */
  leavePlaces(): void {
    this.#isOver = true;
    for (const entry of this.#entries()) entry.leavePlaces();
  }

  /** Whether every running target that can holds at least this snapshot. */
  hold(snapshot: number): boolean {
    return [...this.#entries()].every(
      (entry) => entry.worker?.status !== "synced" || (entry.snapshot ?? 0) >= snapshot,
    );
  }

  /** What the next release changes, for actions that depend on other targets. */
  announce(snapshot: Snapshot, changes: readonly SnapshotChange[]): void {
    this.#coordinator?.released(snapshot.number, changes);
  }

  /** Pushes the released snapshot, and what a gang prepares, to every worker. `undefined`: nothing is released yet. */
  release(snapshot: Snapshot | undefined): void {
    this.#snapshot = snapshot;
    for (const entry of this.#entries()) entry.push();
  }

  /** Targets whose containers run. */
  *running(): Generator<TargetEntry, void, undefined> {
    for (const entry of this.#entries()) if (entry.worker !== undefined) yield entry;
  }

  /** Starts the commands that waited for other targets. */
  startActions(): void {
    for (const entry of this.#entries()) entry.startActions();
  }

  /** Retries at once every target that failed or waits for its next attempt. */
  retryNow(): void {
    for (const entry of this.#entries()) entry.retryNow();
  }

  /** Failed commands no longer count. @returns the targets that had some */
  dismiss(): readonly string[] {
    return [...this.#entries()].flatMap((entry) => (entry.dismiss() ? entry.name : []));
  }

  /** Takes back every target that another run took. */
  reclaim(): void {
    for (const entry of this.#entries()) entry.reclaim();
  }

  /** The latest start of a run that took a target. */
  get takenSince(): string | undefined {
    return [...this.#entries()]
      .flatMap(({ worker }) => worker?.takenSince ?? [])
      .toSorted()
      .at(-1);
  }

  /** Gives back what this run took from another one. */
  async giveBack(signal: AbortSignal): Promise<void> {
    const workers = [...this.#entries()].flatMap(({ worker }) => worker ?? []);
    await Promise.allSettled(workers.map((worker) => worker.giveBack(signal)));
  }

  /** Emits again that these targets get nothing: another run of kinsync owns them. */
  remindTaken(): void {
    for (const entry of this.#entries()) {
      const { worker } = entry;
      if (worker?.isTaken !== true) continue;
      const { pod, uid, container } = entry.names();
      this.#options.emitter.emit({
        event: "halted",
        pod,
        uid,
        container,
        code: "KINSYNC_TARGET_TAKEN",
        reason: worker.reason,
        hint: "This save was not sent there. It is sent when the other kinsync has ended, or when this one takes the container back.",
      });
    }
  }

  #emitWaiting({ member, container }: EligibleContainer): void {
    const reason = container.waiting ?? "the container does not run";
    this.#options.emitter.emit({ event: "target", ...namesOf(member, container.name), status: "waiting", reason });
  }

  /** Also after `dispose`: the last state of each target. */
  view(): readonly TargetView[] {
    return [...this.#entries()].map((entry) => entry.view());
  }

  /** Ends every worker. The targets stay in the view as they were. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#coordinator?.[Symbol.dispose]();
    const workers = [...this.#entries()].flatMap(({ worker }) => worker ?? []);
    await Promise.allSettled([...workers.map((worker) => worker[Symbol.asyncDispose]()), ...this.#ending]);
  }
}

/** The same run of the same container: it has the same worker. */
function isSameContainer({ container: one }: EligibleContainer, { container: other }: EligibleContainer): boolean {
  return one.name === other.name && one.runningId === other.runningId;
}
