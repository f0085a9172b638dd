import type { TransportCapabilities } from "../contract/capabilities.ts";
import type { KindPlugin } from "../contract/kind.ts";
import { asKinsyncError } from "../errors/error.ts";
import type { ResolvedAction } from "../mapping/action.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { Member, MemberChange } from "../resolve/resolution.ts";
import { selectFromMember, type EligibleContainer, type MemberSelection } from "../resolve/select/eligible.ts";
import type { ArchivePool } from "../sync/archive/archive-pool.ts";
import type { Claimant } from "../sync/target/first-contact.ts";
import type { DeleteConsent } from "./delete-consent.ts";
import { namesOf, type WorkloadEmitter } from "./emit.ts";
import type { OpenSession } from "./open-session.ts";
import type { TargetView } from "./options.ts";
import type { Places } from "./places/places.ts";
import type { PlaceOfRoot } from "./places/target-places.ts";
import { SharedFailures } from "./shared-failures.ts";
import { SelectionCounts } from "./selection-counts.ts";
import type { Snapshot } from "./snapshot.ts";
import { TargetCounts } from "./target-counts.ts";
import { TargetEntry, type TargetContext } from "./target-entry.ts";

export interface RegistryOptions {
  readonly mappings: readonly ResolvedMapping[];
  readonly actions: readonly ResolvedAction[];
  readonly kind: KindPlugin | undefined;
  readonly archives: ArchivePool;
  readonly emitter: WorkloadEmitter;
  readonly capabilities: (mapping: ResolvedMapping) => TransportCapabilities;
  readonly open: OpenSession;
  readonly consent: DeleteConsent;
  readonly placeOf: PlaceOfRoot;
  /** Of the whole run. */
  readonly places: Places;
  /** Position of the workload in the run. */
  readonly rank: number;
  readonly runId: string;
  /** ISO 8601: when this run began, or took targets back. */
  readonly since: () => string;
  readonly host: string | undefined;
  /** The pod existed when this run began: its mapped roots are claimed from any owner. */
  readonly isInitial: (uid: string) => boolean;
  /** A count changed. */
  readonly onChange: () => void;
}

/** The targets of one workload: keeps a worker for each running container that should hold files. One member's change costs one member. */
export class TargetRegistry implements AsyncDisposable {
  readonly counts: SelectionCounts;
  readonly targets = new TargetCounts();
  readonly sharedFailures: SharedFailures;
  readonly #options: RegistryOptions;
  readonly #members = new Map<string, MemberSelection>();
  readonly #entries = new Map<string, TargetEntry>();
  readonly #context: TargetContext;
  readonly #claimants: { readonly initial: Claimant; readonly later: Claimant };
  readonly #ending = new Set<Promise<void>>();
  #snapshot: Snapshot | undefined;
  #isOver = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.counts = new SelectionCounts(options.mappings);
    this.sharedFailures = new SharedFailures((error) => options.emitter.sharedFailure(error));
    const { mappings, actions, archives, emitter, capabilities, open, onChange, consent } = options;
    const { placeOf, places, rank, runId, since, host } = options;
    this.#context = {
      mappings,
      actions,
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
      isCurrent: (entry) => !this.#isOver && this.#entries.get(entry.eligible.key) === entry,
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
    for (const { uid, after } of changes) this.#applyOne(uid, after);
    this.#options.onChange();
  }

  #applyOne(uid: string, after: Member | undefined): void {
    const { emitter } = this.#options;
    const before = this.#members.get(uid);
    if (before !== undefined) this.counts.remove(before);
    emitter.member(before?.member, after);
    const former = before?.containers ?? [];
    if (after === undefined) {
      this.#members.delete(uid);
      for (const { key } of former) this.#end(key);
      return;
    }
    const next = this.#select(after);
    this.#members.set(uid, next);
    this.counts.add(next);
    for (const { key } of former) if (!next.containers.some((each) => each.key === key)) this.#end(key);
    for (const eligible of next.containers) this.#place(eligible);
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

  #place(eligible: EligibleContainer): void {
    const entry = this.#entries.get(eligible.key);
    if (entry === undefined) {
      this.#begin(eligible);
      return;
    }
    const before = entry.eligible;
    entry.eligible = eligible;
    entry.push();
    if (entry.worker === undefined && before.container.waiting !== eligible.container.waiting) {
      this.#emitWaiting(eligible);
    }
  }

  #begin(eligible: EligibleContainer): void {
    const { initial, later } = this.#claimants;
    const entry = new TargetEntry(
      this.#context,
      eligible,
      this.#options.isInitial(eligible.member.uid) ? initial : later,
    );
    this.#entries.set(eligible.key, entry);
    if (eligible.container.runningId !== undefined) {
      entry.start();
      return;
    }
    this.targets.notRunning += 1;
    this.#emitWaiting(eligible);
  }

  #end(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    entry.leave();
    if (entry.worker === undefined) {
      this.targets.notRunning -= 1;
      return;
    }
    const ending = entry.worker[Symbol.asyncDispose]().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** Gives up all places, so that targets of other workloads may write them. The end follows. */
  leavePlaces(): void {
    this.#isOver = true;
    for (const entry of this.#entries.values()) entry.leavePlaces();
  }

  /** Pushes the released snapshot to every worker. */
  release(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    for (const entry of this.#entries.values()) entry.push();
  }

  /** Retries at once every target that failed or waits for its next attempt. */
  retryNow(): void {
    for (const entry of this.#entries.values()) entry.retryNow();
  }

  /** Takes back every target that another run took. */
  reclaim(): void {
    for (const entry of this.#entries.values()) entry.reclaim();
  }

  /** The latest start of a run that took a target. */
  get takenSince(): string | undefined {
    return [...this.#entries.values()]
      .flatMap(({ worker }) => worker?.takenSince ?? [])
      .toSorted()
      .at(-1);
  }

  /** Gives back what this run took from another one. */
  async giveBack(signal: AbortSignal): Promise<void> {
    const workers = [...this.#entries.values()].flatMap(({ worker }) => worker ?? []);
    await Promise.allSettled(workers.map((worker) => worker.giveBack(signal)));
  }

  /** Emits again that these targets get nothing: another run of kinsync owns them. */
  remindTaken(): void {
    for (const entry of this.#entries.values()) {
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
    return [...this.#entries.values()].map((entry) => entry.view());
  }

  /** Ends every worker. The targets stay in the view as they were. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    const workers = [...this.#entries.values()].flatMap(({ worker }) => worker ?? []);
    await Promise.allSettled([...workers.map((worker) => worker[Symbol.asyncDispose]()), ...this.#ending]);
  }
}
