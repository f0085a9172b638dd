import type { HostedSession } from "../../contract/session.ts";
import type { RunResult } from "../../contract/action.ts";
import type { KinsyncError } from "../../errors/error.ts";
import type { ResolvedAction } from "../../mapping/action.ts";
import { ActionRunner } from "./runner.ts";

export interface TargetActionsOptions {
  /** `pod/NAME, container NAME`, for messages. */
  readonly name: string;
  /** The commands that are due after these paths changed, relative to the `from` of their mappings. */
  actionsDue(changed: ReadonlySet<string>): readonly ResolvedAction[];
  readonly listener: {
    onRun(action: ResolvedAction, result: RunResult | KinsyncError): void;
    onChange(): void;
  };
}

/** The commands that follow what changed in one target. Made when it is needed: there may be thousands of targets. */
export class TargetActions implements AsyncDisposable {
  readonly #options: TargetActionsOptions;
  readonly #session: () => Promise<HostedSession>;
  readonly #signal: () => AbortSignal;
  /** Paths since the last `run`. */
  #changed: Set<string> | undefined;
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

  noteChanged(paths: readonly string[]): void {
    const changed = (this.#changed ??= new Set());
    for (const path of paths) changed.add(path);
  }

  /** Starts what is due after the changes since the last call. */
  run(): void {
    const changed = this.#changed;
    this.#changed = undefined;
    if (changed === undefined) return;
    const { name, listener } = this.#options;
    const due = this.#options.actionsDue(changed);
    if (due.length === 0) return;
    this.#runner ??= new ActionRunner({
      session: this.#session,
      target: name,
      onResult: (action, result) => listener.onRun(action, result),
      onChange: () => listener.onChange(),
      signal: this.#signal,
    });
    this.#runner.enqueue(due);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runner?.[Symbol.asyncDispose]();
  }
}
