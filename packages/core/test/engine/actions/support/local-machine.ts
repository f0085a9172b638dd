import type { LocalResult } from "../../../../src/engine/actions/local-command.ts";
import type { LocalName } from "./local-steps.ts";

export type LocalCommandRun = (command: string, signal: AbortSignal) => Promise<LocalResult>;

/** A command that ran, in virtual milliseconds. */
interface Ran {
  readonly name: LocalName;
  readonly begin: number;
  end: number | undefined;
  ok: boolean;
}

/** This machine, on which commands take as long and end as a history says. */
export class LocalMachine {
  readonly ran: Ran[] = [];
  onBegin: (name: LocalName) => void = () => {};
  readonly problems: string[] = [];
  readonly #how = new Map<LocalName, { readonly ok: boolean; readonly durationMs: number }>();

  set(name: LocalName, ok: boolean, durationMs: number): void {
    this.#how.set(name, { ok, durationMs });
  }

  of(name: LocalName): readonly Ran[] {
    return this.ran.filter((each) => each.name === name);
  }

  async run(command: string, signal: AbortSignal): Promise<LocalResult> {
    const name = command as LocalName;
    if (this.of(name).some(({ end }) => end === undefined)) this.problems.push(`two runs of ${name} at the same time`);
    const { ok, durationMs } = this.#how.get(name) ?? { ok: true, durationMs: 0 };
    const run: Ran = { name, begin: performance.now(), end: undefined, ok: false };
    this.ran.push(run);
    this.onBegin(name);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, durationMs);
    const onAbort = (): void => resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) resolve();
    await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    run.end = performance.now();
    run.ok = ok && !signal.aborted;
    const reason = signal.aborted ? "was ended together with kinsync" : `ended with exit code ${ok ? 0 : 1}`;
    return { ok: run.ok, exitCode: ok ? 0 : 1, reason, output: "", duration: durationMs };
  }
}
