import type { HostedSession } from "../../contract/session.ts";
import type { ResolvedAction } from "../../mapping/action.ts";
import { HeldStart } from "./held-start.ts";
import { ActionRunner, type ActionEnd, type PendingAction, type StepResult } from "./runner.ts";
import type { ActionTurns } from "./turns.ts";

export interface TargetActionsOptions {
  /** `pod/NAME, container NAME`, for messages. */
  readonly name: string;
  /** The commands that are due after these paths changed, relative to the `from` of their mappings. */
  actionsDue(changed: Iterable<string>): ReadonlyMap<ResolvedAction, string>;
  /** The restart by `kinsync wrapper` that this target takes part in. `undefined`: none. */
  readonly wrapped?: ResolvedAction | undefined;
  /** For actions that depend on other targets. `undefined`: none does. */
  readonly turns?: ActionTurns | undefined;
  readonly listener: {
    /** Other commands than before have not succeeded after a change in this mapping. `paths`: as in `Batch.owed`. */
    onOwed(mapping: string, paths: readonly string[]): void;
    /** A step of an action ended. Follows a change of `failures`, if it is one. */
    onRun(action: ResolvedAction, step: StepResult): void;
    onChange(): void;
  };
}

/** Characters of paths that one marker names at most. */
const MAX_OWED_CHARACTERS = 2_000;
const NONE: ReadonlyMap<ResolvedAction, StepResult> = new Map();
/** Of a snapshot before all others: what is repeated follows no newer one. */
const EARLIER = 0;
/** Later than every turn: an attempt that another change made due does not settle it. */
const NOT_STARTED = Number.POSITIVE_INFINITY;

interface OwedCommand {
  /** One of the paths that made it due, relative to the mapping's `from`. */
  readonly path: string;
  /** The `run` that started it; `NOT_STARTED` since the path changed. */
  readonly turn: number;
}

/** The commands that follow what changed in one target. Made when it is needed: there may be thousands of targets. */
export class TargetActions implements AsyncDisposable {
  readonly #options: TargetActionsOptions;
  readonly #session: () => Promise<HostedSession>;
  readonly #signal: () => AbortSignal;
  /** Commands that have not succeeded since a path of theirs changed, by the id of the mapping. */
  #owed: Map<string, Map<ResolvedAction, OwedCommand>> | undefined;
  /** Actions that failed and have neither succeeded since nor were dismissed, with the step. */
  #failures: Map<ResolvedAction, StepResult> | undefined;
  /** Actions that did not run because another one, or another target, failed. */
  #skipped: Set<ResolvedAction> | undefined;
  /** Actions with `once` that have succeeded here. */
  #done: Set<ResolvedAction> | undefined;
  /** Number of the next attempt. */
  #turn = 0;
  #runner: ActionRunner | undefined;
  /** Of a target whose process the wrapper starts. */
  #held: HeldStart | undefined;
  /** The wrapper holds the process, and its start waits or runs. */
  #isHeldStartDue = false;
  #landed: { readonly snapshot: number; readonly incarnation: string } | undefined;

  /**
   * @param session the session that runs commands, opened where there is none
   * @param signal aborts when the target ends
   */
  constructor(options: TargetActionsOptions, session: () => Promise<HostedSession>, signal: () => AbortSignal) {
    this.#options = options;
    this.#session = session;
    this.#signal = signal;
  }

  /** Commands that wait or run. */
  get pending(): number {
    return (this.#runner?.pending ?? 0) + Number(this.#held?.isAsking === true);
  }

  /** The process of the target is being stopped or started, or may have to be started. */
  get isRestarting(): boolean {
    return this.#runner?.current?.restart !== undefined || this.#isHeldStartDue || this.#held?.isAsking === true;
  }

  /**
   * Actions that wait or run, also those whose files are in place while they wait for the other members of a gang.
   * @param snapshot that the target holds
   */
  due(snapshot: number): readonly PendingAction[] {
    const queued = this.#runner?.due ?? [];
    const known = new Set(queued.map(({ action }) => action));
    const next = new Set<ResolvedAction>();
    for (const owed of this.#owed?.values() ?? []) {
      for (const [action, { turn }] of owed) if (turn === NOT_STARTED && !known.has(action)) next.add(action);
    }
    return [...queued, ...[...next].map((action) => ({ action, phase: "waiting" as const, snapshot }))];
  }

  /** Actions that failed and have neither succeeded since nor were dismissed, with the step that failed. */
  get failures(): ReadonlyMap<ResolvedAction, StepResult> {
    return this.#failures ?? NONE;
  }

  noteChanged(mapping: string, paths: readonly string[]): void {
    const due = this.#options.actionsDue(paths);
    if (due.size === 0) return;
    const owed = this.#owedOf(mapping);
    for (const [action, path] of due) {
      if (this.#done?.has(action) !== true) owed.set(action, { path, turn: NOT_STARTED });
    }
    this.#report(mapping);
  }

  /**
   * The marker owes commands for these paths: those of an earlier run, or of an earlier target of this run.
   * @returns false: what is known here of the mapping is newer, and counts
   */
  noteOwed(mapping: string, paths: readonly string[]): boolean {
    if (this.#owed?.has(mapping) === true) return false;
    this.#owedOf(mapping);
    this.noteChanged(mapping, paths);
    return true;
  }

  #owedOf(mapping: string): Map<ResolvedAction, OwedCommand> {
    this.#owed ??= new Map();
    let owed = this.#owed.get(mapping);
    if (owed === undefined) this.#owed.set(mapping, (owed = new Map()));
    return owed;
  }

  /**
   * Starts what is due after the changes since the last call, and what a failure before it keeps from running.
   * @param snapshot that the target holds now
   * @param incarnation changes whenever the container restarts
   */
  run(snapshot: number, incarnation: string | undefined): void {
    this.#runDue(snapshot);
    if (incarnation === undefined) return;
    this.#landed = { snapshot, incarnation };
    this.#startHeld();
  }

  #runDue(snapshot: number): void {
    const fresh = [...(this.#owed?.values() ?? [])].flatMap((owed) =>
      [...owed].flatMap(([action, { path, turn }]) => (turn === NOT_STARTED ? [{ owed, action, path }] : [])),
    );
    // Passes without a change repeat nothing.
    if (fresh.length === 0) return;
    for (const { owed, action, path } of fresh) owed.set(action, { path, turn: this.#turn });
    const turn = this.#turn;
    this.#start(snapshot, (action, of) => of === turn || (this.#isHeld && this.#isUnfinished(action)));
  }

  /** Starts the process if the wrapper holds it. A restart that waits or runs starts it, too. */
  #startHeld(): void {
    const { wrapped, listener } = this.#options;
    if (wrapped === undefined || this.#landed === undefined || this.#runner?.has(wrapped) === true) return;
    this.#held ??= new HeldStart({
      session: this.#session,
      signal: this.#signal,
      onHeld: () => {
        this.#isHeldStartDue = true;
        this.#enqueue([wrapped], this.#landed?.snapshot ?? EARLIER);
      },
      onChange: () => listener.onChange(),
    });
    this.#held.landed(this.#landed.incarnation);
  }

  /** Runs again what failed, and what did not run because of it. */
  retry(): void {
    if (this.#failures === undefined && this.#skipped === undefined) return;
    this.#start(EARLIER, (action) => this.#isUnfinished(action));
  }

  /** Runs an action that did not run because another target failed, which no longer keeps it from that. */
  runSkipped(action: ResolvedAction): void {
    if (this.#skipped?.has(action) === true) this.#start(EARLIER, (each) => each === action);
  }

  /** Failures no longer count, here and in the next run. @returns whether there were any */
  dismiss(): boolean {
    const dismissed = new Set([...this.failures.keys(), ...(this.#skipped ?? [])]);
    this.#failures = undefined;
    this.#skipped = undefined;
    for (const [mapping, owed] of this.#owed ?? []) {
      for (const action of dismissed) owed.delete(action);
      this.#report(mapping);
    }
    return dismissed.size > 0;
  }

  /** An action failed that holds the target. */
  get #isHeld(): boolean {
    return [...this.failures.keys()].some(({ onFailure }) => onFailure === "hold");
  }

  #isUnfinished(action: ResolvedAction): boolean {
    return this.failures.has(action) || this.#skipped?.has(action) === true;
  }

  #start(snapshot: number, isMeant: (action: ResolvedAction, turn: number) => boolean): void {
    const paths = new Map<ResolvedAction, string>();
    for (const owed of this.#owed?.values() ?? []) {
      for (const [action, { path, turn }] of owed) if (isMeant(action, turn)) paths.set(action, path);
    }
    // In the order of the config.
    const due = [...this.#options.actionsDue(paths.values()).keys()].filter((action) => paths.has(action));
    // No path made it due, if it only was to start what the wrapper held.
    const { wrapped } = this.#options;
    if (wrapped !== undefined && !paths.has(wrapped) && this.#isUnfinished(wrapped) && isMeant(wrapped, NOT_STARTED)) {
      due.push(wrapped);
    }
    if (due.length > 0) this.#enqueue(due, snapshot);
  }

  #enqueue(due: readonly ResolvedAction[], snapshot: number): void {
    const turn = this.#turn;
    this.#turn += 1;
    const { name, listener, turns } = this.#options;
    this.#runner ??= new ActionRunner({
      session: this.#session,
      target: name,
      turns,
      isHeldBack: (action) => this.#isHeld && this.#failures?.has(action) !== true,
      onStep: (action, step) => this.#stepped(action, step),
      onEnd: (...end) => this.#ended(...end),
      onChange: () => {
        // A restart may have failed because the wrapper was not there yet.
        this.#startHeld();
        listener.onChange();
      },
      signal: this.#signal,
    });
    this.#runner.enqueue(due, turn, snapshot);
  }

  #stepped(action: ResolvedAction, step: StepResult): void {
    if (!step.ok) (this.#failures ??= new Map()).set(action, step);
    this.#options.listener.onRun(action, step);
  }

  #ended(action: ResolvedAction, how: ActionEnd, turn: number): void {
    if (action === this.#options.wrapped) this.#isHeldStartDue = false;
    if (how === "skipped") (this.#skipped ??= new Set()).add(action);
    else this.#skipped?.delete(action);
    if (how !== "succeeded") return;
    this.#failures?.delete(action);
    if (action.once === true) (this.#done ??= new Set()).add(action);
    this.#succeeded(action, turn);
  }

  /** A command that became due again meanwhile is still owed. */
  #succeeded(action: ResolvedAction, turn: number): void {
    for (const [mapping, owed] of this.#owed ?? []) {
      const command = owed.get(action);
      if (command === undefined || command.turn > turn) continue;
      owed.delete(action);
      this.#report(mapping);
    }
  }

  #report(mapping: string): void {
    const paths = new Set([...(this.#owed?.get(mapping)?.values() ?? [])].map(({ path }) => path));
    let characters = 0;
    const named = [...paths].filter((path) => (characters += path.length) <= MAX_OWED_CHARACTERS);
    this.#options.listener.onOwed(mapping, named);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#landed = undefined;
    this.#held?.[Symbol.dispose]();
    await this.#runner?.[Symbol.asyncDispose]();
  }
}
