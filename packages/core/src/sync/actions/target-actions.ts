import type { HostedSession } from "../../contract/session.ts";
import type { RunResult } from "../../contract/action.ts";
import type { KinsyncError } from "../../errors/error.ts";
import type { ResolvedAction } from "../../mapping/action.ts";
import { ActionRunner } from "./runner.ts";

export interface TargetActionsOptions {
  /** `pod/NAME, container NAME`, for messages. */
  readonly name: string;
  /** The commands that are due after these paths changed, relative to the `from` of their mappings. */
  actionsDue(changed: Iterable<string>): ReadonlyMap<ResolvedAction, string>;
  readonly listener: {
    /** Other commands than before have not succeeded after a change in this mapping. `paths`: as in `Batch.owed`. */
    onOwed(mapping: string, paths: readonly string[]): void;
    onRun(action: ResolvedAction, result: RunResult | KinsyncError): void;
    onChange(): void;
  };
}

/** Characters of paths that one marker names at most. */
const MAX_OWED_CHARACTERS = 2_000;

interface OwedCommand {
  /** One of the paths that made it due, relative to the mapping's `from`. */
  readonly path: string;
  /** The `run` that starts it. */
  readonly turn: number;
}

/** The commands that follow what changed in one target. Made when it is needed: there may be thousands of targets. */
export class TargetActions implements AsyncDisposable {
  readonly #options: TargetActionsOptions;
  readonly #session: () => Promise<HostedSession>;
  readonly #signal: () => AbortSignal;
  /** Commands that have not succeeded since a path of theirs changed, by the id of the mapping. */
  #owed: Map<string, Map<ResolvedAction, OwedCommand>> | undefined;
  /** Number of the next `run` that has something to do. */
  #turn = 0;
  #runner: ActionRunner | undefined;

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
    return this.#runner?.pending ?? 0;
  }

  noteChanged(mapping: string, paths: readonly string[]): void {
    const due = this.#options.actionsDue(paths);
    if (due.size === 0) return;
    const owed = this.#owedOf(mapping);
    for (const [action, path] of due) owed.set(action, { path, turn: this.#turn });
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

  /** Starts what is due after the changes since the last call. */
  run(): void {
    if (this.#owed === undefined) return;
    const commands = [...this.#owed.values()].flatMap((owed) => [...owed.values()]);
    const paths = commands.filter(({ turn }) => turn === this.#turn).map(({ path }) => path);
    if (paths.length === 0) return;
    const turn = this.#turn;
    this.#turn += 1;
    const { name, listener } = this.#options;
    this.#runner ??= new ActionRunner({
      session: this.#session,
      target: name,
      onResult: (action, result) => listener.onRun(action, result),
      onChange: () => listener.onChange(),
      signal: this.#signal,
    });
    this.#runner.enqueue(this.#options.actionsDue(paths).keys(), (action) => this.#succeeded(action, turn));
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
    await this.#runner?.[Symbol.asyncDispose]();
  }
}
