import type { LocalCommand } from "../../mapping/local-actions.ts";
import { commandText } from "../../sync/actions/due.ts";
import type { WorkloadEmitter } from "../emit.ts";
import type { LocalEvent } from "../events.ts";
import { runLocalCommand, type LocalResult } from "./local-command.ts";

/** Runs one command of the config on this machine, and reports its start, its output and its end. */
export class LocalRunner implements Disposable {
  readonly #command: LocalCommand;
  readonly #what: LocalEvent["what"];
  readonly #emitter: WorkloadEmitter;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;

  constructor(command: LocalCommand, what: LocalEvent["what"], emitter: WorkloadEmitter, signal: AbortSignal) {
    this.#command = command;
    this.#what = what;
    this.#emitter = emitter;
    this.#signal = AbortSignal.any([signal, this.#stop.signal]);
  }

  get text(): string {
    return commandText(this.#command.command);
  }

  /** @param paths local paths that make it run, for people. */
  async run(paths: readonly string[]): Promise<LocalResult> {
    const base = { event: "local", what: this.#what, command: this.text } as const;
    this.#emitter.emit({ ...base, phase: "starts", ...(paths.length === 0 ? {} : { paths }) });
    const result = await runLocalCommand(this.#command, {
      signal: this.#signal,
      onOutput: (output) => this.#emitter.emit({ ...base, phase: "output", output }),
    });
    if (!this.#signal.aborted)
      this.#emitter.emit({ ...base, phase: "ends", ...result, duration: Math.round(result.duration) });
    return result;
  }

  /** Ends the command that runs. */
  [Symbol.dispose](): void {
    this.#stop.abort();
  }
}
