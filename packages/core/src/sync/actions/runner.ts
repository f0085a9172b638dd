import type { RunResult } from "../../contract/action.ts";
import type { HostedSession } from "../../contract/transport.ts";
import type { KinsyncError } from "../../errors/error.ts";
import { asKinsyncError } from "../../errors/error.ts";
import type { ResolvedAction } from "../../mapping/action.ts";
import { commandText } from "./due.ts";

export interface ActionRunnerOptions {
  /** The session to run commands in; opens one where none is open. */
  readonly session: () => Promise<HostedSession>;
  /** `pod/NAME, container NAME`, for messages. */
  readonly target: string;
  readonly onResult: (action: ResolvedAction, result: RunResult | KinsyncError) => void;
  /** The number of commands that are due or running changed. */
  readonly onChange: () => void;
  /** Aborts when the target ends. */
  readonly signal: () => AbortSignal;
}

/** Runs the due commands of one target, one after the other. A command that failed is reported, and not repeated by itself. */
export class ActionRunner implements AsyncDisposable {
  readonly #options: ActionRunnerOptions;
  #queue: Promise<void> = Promise.resolve();
  #pending = 0;

  constructor(options: ActionRunnerOptions) {
    this.#options = options;
  }

  /** Commands that are due or running. */
  get pending(): number {
    return this.#pending;
  }

  /** @param onSuccess the command ended with exit code 0; called before `onResult` */
  enqueue(actions: Iterable<ResolvedAction>, onSuccess: (action: ResolvedAction) => void): void {
    for (const action of actions) {
      this.#pending += 1;
      this.#queue = this.#queue
        .then(() => this.#run(action, onSuccess))
        .finally(() => {
          this.#pending -= 1;
          this.#options.onChange();
        });
    }
  }

  async #run(action: ResolvedAction, onSuccess: (action: ResolvedAction) => void): Promise<void> {
    const { session, target, onResult } = this.#options;
    const signal = this.#options.signal();
    if (signal.aborted) return;
    try {
      const open = await session();
      const result = await open.run(action.command, { timeout: action.timeout, signal });
      if (result.exitCode === 0) onSuccess(action);
      onResult(action, result);
    } catch (error) {
      if (signal.aborted) return;
      const what = `${target}: cannot run the command ${JSON.stringify(commandText(action.command))}`;
      onResult(action, asKinsyncError(error, what, { retry: "retry" }));
    }
  }

  /** Settles when every command that is due has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue;
  }
}
