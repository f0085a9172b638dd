import type { KindPlugin } from "../contract/kind.ts";
import type { TransportCapabilities } from "../contract/capabilities.ts";
import { targetKey } from "../contract/target.ts";
import { asKinsyncError } from "../errors/error.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { Member, MemberChange } from "../resolve/resolution.ts";
import { selectFromMember, type EligibleContainer, type MemberSelection } from "../resolve/select/eligible.ts";
import { actionsDue } from "../sync/actions/due.ts";
import type { ResolvedAction } from "../mapping/action.ts";
import type { ArchivePool } from "../sync/archive/archive-pool.ts";
import type { DesiredState } from "../sync/target/desired-state.ts";
import { channelKey } from "../sync/target/channels.ts";
import { Worker } from "../sync/target/worker.ts";
import { projectSnapshot } from "./desired.ts";
import { namesOf, type WorkloadEmitter } from "./emit.ts";
import type { OpenSession } from "./open-session.ts";
import type { TargetView } from "./options.ts";
import { placedState } from "./places/placed-state.ts";
import type { PlaceMember } from "./places/member.ts";
import type { Places } from "./places/places.ts";
import { SelectionCounts } from "./selection-counts.ts";
import { TargetCounts } from "./target-counts.ts";
import type { Snapshot } from "./snapshot.ts";
import { locateRoots, sharedRoots, type PlaceOfRoot, type TargetEntry } from "./target-entry.ts";
import { workerListener } from "./worker-listener.ts";

export interface RegistryOptions {
  readonly mappings: readonly ResolvedMapping[];
  readonly actions: readonly ResolvedAction[];
  readonly kind: KindPlugin | undefined;
  readonly archives: ArchivePool;
  readonly emitter: WorkloadEmitter;
  readonly capabilities: (mapping: ResolvedMapping) => TransportCapabilities;
  readonly open: OpenSession;
  readonly placeOf: PlaceOfRoot;
  /** Of the whole run. */
  readonly places: Places;
  /** Position of the workload in the run. */
  readonly rank: number;
  readonly runId: string;
  readonly since: string;
  /** The pod existed when this run began: its mapped roots are claimed from any owner. */
  readonly isInitial: (uid: string) => boolean;
  /** A count changed. */
  readonly onChange: () => void;
}

const NEW_ENTRY = {
  workingDirectory: undefined,
  files: 0,
  duration: undefined,
  layoutKey: undefined,
  filesKey: undefined,
} as const;

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
      this.#push(entry);
      if (entry.worker === undefined && before.container.waiting !== eligible.container.waiting) {
        this.#emitWaiting(eligible);
      }
    }
  }

  #begin(eligible: EligibleContainer): void {
    const { key, target } = eligible;
    if (target === undefined) {
      this.#entries.set(key, { ...NEW_ENTRY, eligible, worker: undefined, member: undefined });
      this.targets.notRunning += 1;
      this.#emitWaiting(eligible);
      return;
    }
    const { archives, actions, capabilities, open, places, runId, since, isInitial } = this.#options;
    const name = `pod/${target.pod}, container ${target.container}`;
    const member: PlaceMember = {
      key: `${this.#options.rank} ${key}`,
      name,
      order: [target.pod, target.podUid, target.container],
      container: targetKey(target),
      node: target.node,
      onChange: () => this.#push(entry),
      onShared: (paths) => entry.worker?.noteChanged(paths),
    };
    const entry: TargetEntry = { ...NEW_ENTRY, eligible, member, worker: undefined };
    this.#entries.set(key, entry);
    entry.worker = new Worker({
      name,
      desired: this.#desired(entry),
      claimant: { runId, since, force: isInitial(target.podUid) },
      claimed: {
        has: (mapping) => places.isClaimed(member.key, mapping),
        add: (mapping) => places.claim(member.key, mapping),
      },
      archives,
      capabilities,
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
      listener: workerListener({
        entry,
        member,
        places,
        emitter: this.#options.emitter,
        targets: this.targets,
        isCurrent: () => this.#entries.get(key) === entry && !this.#isOver,
        push: () => this.#push(entry),
        onChange: this.#options.onChange,
      }),
    });
    this.targets.update(entry.worker);
  }

  #end(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    if (entry.member !== undefined) this.#options.places.remove(entry.member.key);
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
    for (const entry of this.#entries.values()) this.#push(entry);
  }

  /** Retries at once every target that failed or waits for its next attempt. */
  retryNow(): void {
    for (const { worker, member } of this.#entries.values()) {
      if (member !== undefined) this.#options.places.retried(member.key);
      worker?.retryNow();
    }
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

  /** Pushes what a target should hold. */
  #push(entry: TargetEntry): void {
    if (this.#isOver) return;
    const { member, eligible, workingDirectory, filesKey } = entry;
    const { state } = projectSnapshot(this.#snapshot, { mappings: eligible.mappings, workingDirectory });
    entry.filesKey = state.key;
    // What failed for good is tried again with other files.
    if (member !== undefined && filesKey !== state.key) this.#options.places.retried(member.key);
    entry.worker?.update(this.#desired(entry));
  }

  /** What a target should hold of the released snapshot. */
  #desired(entry: TargetEntry): DesiredState {
    const { eligible, workingDirectory, member } = entry;
    const projected = projectSnapshot(this.#snapshot, { mappings: eligible.mappings, workingDirectory });
    if (member === undefined) return projected.state;
    const { places } = this.#options;
    if (entry.layoutKey !== projected.layoutKey) {
      entry.layoutKey = projected.layoutKey;
      places.set(member, locateRoots(entry, projected.layout, this.#options));
    }
    return placedState(projected, ({ id }) => places.standing(member.key, id));
  }

  #emitWaiting({ member, container }: EligibleContainer): void {
    const reason = container.waiting ?? "the container does not run";
    this.#options.emitter.emit({ event: "target", ...namesOf(member, container.name), status: "waiting", reason });
  }

  /** Also after `dispose`: the last state of each target. */
  view(): readonly TargetView[] {
    return [...this.#entries.values()].map(({ eligible, worker, member, files, duration }) => ({
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
      ...sharedRoots(this.#options.places, member, eligible.mappings),
    }));
  }

  /** Ends every worker. The targets stay in the view as they were. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    const workers = [...this.#entries.values()].flatMap(({ worker }) => worker ?? []);
    await Promise.allSettled([...workers.map((worker) => worker[Symbol.asyncDispose]()), ...this.#ending]);
  }
}
