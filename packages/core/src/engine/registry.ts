import type { KindPlugin } from "../contract/kind.ts";
import type { TransportCapabilities } from "../contract/capabilities.ts";
import type { SessionFacts } from "../contract/session.ts";
import { asKinsyncError, type KinsyncError } from "../errors/error.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { Member, MemberChange } from "../resolve/resolution.ts";
import { selectFromMember, type EligibleContainer, type MemberSelection } from "../resolve/select/eligible.ts";
import { actionsDue } from "../sync/actions/due.ts";
import type { ResolvedAction } from "../mapping/action.ts";
import type { ArchivePool } from "../sync/archive/archive-pool.ts";
import type { DesiredState } from "../sync/target/desired-state.ts";
import type { TargetStatus } from "../sync/target/status.ts";
import { channelKey } from "../sync/target/channels.ts";
import { Worker, type WorkerListener } from "../sync/target/worker.ts";
import type { DeleteConsent } from "./delete-consent.ts";
import { desiredState } from "./desired.ts";
import { namesOf, tenths, type WorkloadEmitter } from "./emit.ts";
import type { OpenSession } from "./open-session.ts";
import type { TargetView } from "./options.ts";
import { SelectionCounts } from "./selection-counts.ts";
import { TargetCounts } from "./target-counts.ts";
import type { Snapshot } from "./snapshot.ts";

export interface RegistryOptions {
  readonly mappings: readonly ResolvedMapping[];
  readonly actions: readonly ResolvedAction[];
  readonly kind: KindPlugin | undefined;
  readonly archives: ArchivePool;
  readonly emitter: WorkloadEmitter;
  readonly capabilities: (mapping: ResolvedMapping) => TransportCapabilities;
  readonly open: OpenSession;
  readonly consent: DeleteConsent;
  readonly runId: string;
  readonly since: string;
  readonly host: string | undefined;
  /** The pod existed when this run began: its mapped roots are claimed from any owner. */
  readonly isInitial: (uid: string) => boolean;
  /** A count changed. */
  readonly onChange: () => void;
}

/** One container that should hold files. `worker` is `undefined` while it does not run. */
interface TargetEntry {
  /** As last resolved; replaced with every change of the member, never kept. */
  eligible: EligibleContainer;
  readonly worker: Worker | undefined;
  workingDirectory: string | undefined;
  /** Of the last delivery. */
  files: number;
  duration: number | undefined;
}

interface MemberRecord {
  member: Member;
  selection: MemberSelection;
}

/** The targets of one workload: keeps a worker for each running container that should hold files. One member's change costs one member. */
export class TargetRegistry implements AsyncDisposable {
  readonly counts: SelectionCounts;
  readonly targets = new TargetCounts();
  readonly #options: RegistryOptions;
  readonly #members = new Map<string, MemberRecord>();
  readonly #entries = new Map<string, TargetEntry>();
  /**
   * Mapped roots that this run has claimed, by target. A member that stops being eligible and returns is not a first contact: a later run
   * that claimed its roots meanwhile keeps them.
   */
  readonly #claimed = new Map<string, Set<string>>();
  readonly #ending = new Set<Promise<void>>();
  #snapshot: Snapshot | undefined;
  #isOver = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.counts = new SelectionCounts(options.mappings);
  }

  /** Processes the members that came, went or changed. */
  apply(changes: readonly MemberChange[]): void {
    if (this.#isOver) return;
    for (const { uid, after } of changes) this.#applyOne(uid, after);
    this.#options.onChange();
  }

  #applyOne(uid: string, after: Member | undefined): void {
    const { emitter } = this.#options;
    const record = this.#members.get(uid);
    if (record !== undefined) this.counts.remove(record);
    emitter.member(record?.member, after);
    const former = record?.selection.containers ?? [];
    if (after === undefined) {
      this.#members.delete(uid);
      for (const { key } of former) this.#end(key);
      return;
    }
    const next: MemberRecord = { member: after, selection: this.#select(after) };
    this.#members.set(uid, next);
    this.counts.add(next);
    const present = new Set(next.selection.containers.map(({ key }) => key));
    for (const { key } of former) if (!present.has(key)) this.#end(key);
    for (const eligible of next.selection.containers) this.#place(eligible);
  }

  #select(member: Member): MemberSelection {
    const { mappings, kind, emitter } = this.#options;
    try {
      return selectFromMember(member, mappings, kind);
    } catch (error) {
      // A kind that fails to name a default container affects only this member.
      emitter.problem(asKinsyncError(error, `pod ${member.name}: cannot choose a container`, { retry: "retry" }));
      return { containers: [], missing: [] };
    }
  }

  #place(eligible: EligibleContainer): void {
    const entry = this.#entries.get(eligible.key);
    if (entry === undefined) this.#begin(eligible);
    else {
      const before = entry.eligible;
      entry.eligible = eligible;
      entry.worker?.update(this.#desired(entry));
      if (entry.worker === undefined && before.container.waiting !== eligible.container.waiting) {
        this.#emitWaiting(eligible);
      }
    }
  }

  #begin(eligible: EligibleContainer): void {
    const { key, target } = eligible;
    const base = { eligible, workingDirectory: undefined, files: 0, duration: undefined };
    if (target === undefined) {
      this.#entries.set(key, { ...base, worker: undefined });
      this.targets.notRunning += 1;
      this.#emitWaiting(eligible);
      return;
    }
    const { archives, actions, capabilities, open, runId, since, host, isInitial, consent } = this.#options;
    const claimed = this.#claimed.get(key) ?? new Set();
    this.#claimed.set(key, claimed);
    const entry: TargetEntry = {
      ...base,
      worker: new Worker({
        name: `pod/${target.pod}, container ${target.container}`,
        desired: desiredState(this.#snapshot, { mappings: eligible.mappings, workingDirectory: undefined }),
        claimant: { runId, since, host, force: isInitial(target.podUid) },
        claimed,
        archives,
        capabilities,
        mayDelete: ({ mapping }, paths) => consent.mayDelete(mapping, paths),
        open: (mapping, signal) => {
          const { roots } = this.#desired(entry);
          const served = roots.filter((root) => channelKey(root.mapping) === channelKey(mapping));
          return open(
            entry.eligible,
            mapping,
            served.map(({ spec }) => spec),
            signal,
          );
        },
        actionsDue: (changed) => actionsDue(actions, entry.eligible.member.role, changed),
        listener: this.#listener(key, () => entry),
      }),
    };
    this.#entries.set(key, entry);
    if (entry.worker !== undefined) this.targets.update(entry.worker);
  }

  #end(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    if (entry.worker === undefined) {
      this.targets.notRunning -= 1;
      return;
    }
    this.targets.remove(entry.worker);
    const ending = entry.worker[Symbol.asyncDispose]().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** Pushes the released snapshot to every worker. */
  release(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    for (const entry of this.#entries.values()) entry.worker?.update(this.#desired(entry));
  }

  /** Retries at once every target that failed or waits for its next attempt. */
  retryNow(): void {
    for (const { worker } of this.#entries.values()) worker?.retryNow();
  }

  /** Emits again that these targets get nothing: another run of kinsync owns them. */
  remindTaken(): void {
    for (const { worker, eligible } of this.#entries.values()) {
      if (worker?.isTaken !== true) continue;
      const { pod, uid, container } = namesOf(eligible.member, eligible.container.name);
      this.#options.emitter.emit({
        event: "halted",
        pod,
        uid,
        container,
        code: "KINSYNC_TARGET_TAKEN",
        reason: worker.reason,
        hint: "This save was not sent there. Stop the other kinsync, then restart this one.",
      });
    }
  }

  #desired({ eligible, workingDirectory }: TargetEntry): DesiredState {
    return desiredState(this.#snapshot, { mappings: eligible.mappings, workingDirectory });
  }

  #listener(key: string, entry: () => TargetEntry): WorkerListener {
    const { emitter } = this.#options;
    const names = () => namesOf(entry().eligible.member, entry().eligible.container.name);
    /** Only for a worker that is still registered: an ended worker does not report. */
    const isCurrent = (): boolean => this.#entries.get(key) === entry() && !this.#isOver;
    return {
      onStatus: (status, reason, error) => {
        if (isCurrent()) this.#onStatus(entry(), status, reason, error);
      },
      onSynced: (root, snapshot, stats, duration) => {
        if (!isCurrent()) return;
        entry().files = stats.files + stats.deleted;
        entry().duration = duration;
        const mapping = root.mapping.id;
        emitter.emit({ event: "synced", ...names(), mapping, snapshot, ...stats, duration: tenths(duration) });
      },
      onRetry: ({ code, message, hint }, delay) => {
        if (isCurrent()) emitter.emit({ event: "retry", ...names(), code, reason: message, hint, delay });
      },
      onProgress: (root, sent, total) => {
        if (isCurrent()) emitter.emit({ event: "progress", ...names(), mapping: root.mapping.id, sent, total });
      },
      onRun: (action, result) => {
        if (!isCurrent()) return;
        if ("code" in result || result.exitCode !== 0) this.targets.failedRuns += 1;
        emitter.run(names(), action, result);
      },
      onDeletes: ({ mapping }, error, deletes) => {
        if (!isCurrent()) return;
        emitter.deletes(names(), mapping.id, error, deletes);
        this.#options.consent.halted(key, mapping, deletes, error);
      },
      onNote: (code, text) => {
        if (isCurrent()) emitter.note(code, text);
      },
      onSession: (facts) => {
        if (isCurrent()) this.#onSession(entry(), facts);
      },
      onChange: () => {
        if (!isCurrent()) return;
        const { worker } = entry();
        if (worker !== undefined) this.targets.update(worker);
        this.#options.onChange();
      },
    };
  }

  #onSession(entry: TargetEntry, { workingDirectory }: SessionFacts): void {
    if (workingDirectory === undefined || entry.workingDirectory === workingDirectory) return;
    entry.workingDirectory = workingDirectory;
    entry.worker?.update(this.#desired(entry));
  }

  #onStatus(entry: TargetEntry, status: TargetStatus, reason: string, error: KinsyncError | undefined): void {
    const { emitter } = this.#options;
    const names = namesOf(entry.eligible.member, entry.eligible.container.name);
    const snapshot = entry.worker?.snapshot;
    emitter.emit({ event: "target", ...names, status, reason, ...(snapshot === undefined ? {} : { snapshot }) });
    if (error === undefined) return;
    const { code, message, hint } = error;
    if (status === "failed") emitter.emit({ event: "failed", ...names, code, reason: message, hint });
    // Deletes that need consent were reported with their mapping.
    if (status === "halted" && code !== "KINSYNC_TARGET_DELETES") {
      const { pod, uid, container } = names;
      emitter.emit({ event: "halted", pod, uid, container, code, reason: message, hint });
    }
  }

  #emitWaiting({ member, container }: EligibleContainer): void {
    const reason = container.waiting ?? "the container does not run";
    this.#options.emitter.emit({ event: "target", ...namesOf(member, container.name), status: "waiting", reason });
  }

  /** Also after `dispose`: the last state of each target. */
  view(): readonly TargetView[] {
    return [...this.#entries.values()].map(({ eligible, worker, files, duration }) => ({
      pod: eligible.member.name,
      uid: eligible.member.uid,
      container: eligible.container.name,
      containerId: eligible.target?.containerId,
      mappings: eligible.mappings.map(({ id }) => id),
      status: worker?.status ?? "waiting",
      snapshot: worker?.snapshot,
      files,
      duration,
      reason: worker?.reason ?? eligible.container.waiting ?? "the container does not run",
    }));
  }

  /** Ends every worker. The targets stay in the view as they were. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    const workers = [...this.#entries.values()].flatMap(({ worker }) => worker ?? []);
    await Promise.allSettled([...workers.map((worker) => worker[Symbol.asyncDispose]()), ...this.#ending]);
  }
}
