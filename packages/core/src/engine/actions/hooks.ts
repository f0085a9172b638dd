import { KinsyncError } from "../../errors/error.ts";
import type { ResolvedHooks } from "../../mapping/local-actions.ts";
import type { WorkloadEmitter } from "../emit.ts";
import type { LocalState } from "../snapshot.ts";
import { LocalRunner } from "./local-runner.ts";

export interface HooksOptions {
  readonly hooks: ResolvedHooks;
  readonly emitter: WorkloadEmitter;
  /** Takes a state whose `before` succeeded. */
  readonly onState: (state: LocalState) => void;
  /** `isRunning`, `failures` or `error` differs. */
  readonly onChange: () => void;
  readonly signal: AbortSignal;
}

/** The command `before`, while it keeps the newest local files from their release. */
export interface BeforeState {
  readonly phase: "running" | "failed";
  /** The command, and how it failed. */
  readonly reason: string;
}

/** Commands on this machine around each release: `before` decides whether it happens, `after` follows when all targets hold it. */
export class Hooks implements AsyncDisposable {
  readonly #options: HooksOptions;
  readonly #before: LocalRunner | undefined;
  readonly #after: LocalRunner | undefined;
  #offered: LocalState | undefined;
  /** Snapshot that `after` ran for. */
  #followed = 0;
  #beforeRuns: Promise<void> | undefined;
  #afterRuns: Promise<void> | undefined;
  #afterFailed = false;
  #isOver = false;
  /** Why the newest local files are not released. */
  error: KinsyncError | undefined;

  constructor(options: HooksOptions) {
    const { hooks, emitter, signal } = options;
    this.#options = options;
    this.#before = hooks.before && new LocalRunner(hooks.before, "before", emitter, signal);
    this.#after = hooks.after && new LocalRunner(hooks.after, "after", emitter, signal);
  }

  get isRunning(): boolean {
    return this.#beforeRuns !== undefined || this.#afterRuns !== undefined;
  }

  /** `undefined` where `before` keeps nothing back. */
  get before(): BeforeState | undefined {
    if (this.#beforeRuns !== undefined) return { phase: "running", reason: `${this.#before?.text} is running` };
    return this.error && { phase: "failed", reason: this.error.message };
  }

  /** Commands that failed and have not succeeded since. */
  get failures(): number {
    return Number(this.error !== undefined) + Number(this.#afterFailed);
  }

  /** A new local state: it is released when `before` has succeeded. Of several during one run of it only the last one is. */
  offer(state: LocalState): void {
    if (this.#before === undefined) {
      this.#options.onState(state);
      return;
    }
    this.#offered = state;
    this.#beforeRuns ??= this.#runBefore(this.#before);
    this.#options.onChange();
  }

  async #runBefore(runner: LocalRunner): Promise<void> {
    while (this.#offered !== undefined) {
      const state = this.#offered;
      this.#offered = undefined;
      const failure = await failureOf(runner);
      if (this.#isOver) return;
      if (this.#offered !== undefined) continue;
      this.error = failure;
      if (failure === undefined) this.#options.onState(state);
    }
    this.#beforeRuns = undefined;
    this.#options.onChange();
  }

  /** Has a `before` that decides about releases. */
  get decides(): boolean {
    return this.#before !== undefined;
  }

  /**
   * Runs `before`, and releases when it has succeeded: for changes that waited. Those that are offered meanwhile follow.
   * @throws the failure of `before`; nothing is released then
   */
  async beforeRelease<Result>(release: () => Promise<Result>): Promise<Result> {
    const runner = this.#before;
    if (runner === undefined) return await release();
    const result = (this.#beforeRuns ?? Promise.resolve()).then(async () => {
      this.error = await failureOf(runner);
      if (this.error !== undefined) throw this.error;
      return await release();
    });
    const ended: Promise<void> = result.then(
      () => this.#continue(ended, runner),
      () => this.#continue(ended, runner),
    );
    this.#beforeRuns = ended;
    this.#options.onChange();
    return await result;
  }

  #continue(ended: Promise<void>, runner: LocalRunner): void {
    if (this.#isOver || this.#beforeRuns !== ended) return;
    this.#beforeRuns = this.#offered === undefined ? undefined : this.#runBefore(runner);
    this.#options.onChange();
  }

  /** `after` is due once all targets hold this snapshot. */
  isDueAfter(snapshot: number): boolean {
    return this.#after !== undefined && snapshot > 0 && this.#followed !== snapshot && this.#afterRuns === undefined;
  }

  /** All targets hold this snapshot, and their commands have ended. */
  landed(snapshot: number): void {
    if (this.#after === undefined || !this.isDueAfter(snapshot)) return;
    this.#followed = snapshot;
    this.#afterRuns = this.#after.run([]).then(({ ok }) => {
      if (this.#isOver) return;
      this.#afterFailed = !ok;
      this.#afterRuns = undefined;
      this.#options.onChange();
    });
  }

  /** A failure of `after` no longer counts; one of `before` does, since it keeps changes from their release. @returns whether there was any */
  dismiss(): boolean {
    const hadFailed = this.#afterFailed;
    this.#afterFailed = false;
    return hadFailed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#offered = undefined;
    this.#before?.[Symbol.dispose]();
    this.#after?.[Symbol.dispose]();
    await Promise.allSettled([this.#beforeRuns, this.#afterRuns]);
  }
}

async function failureOf(runner: LocalRunner): Promise<KinsyncError | undefined> {
  const { ok, reason } = await runner.run([]);
  if (ok) return undefined;
  const what = `hooks.before: ${runner.text} ${reason}: the local changes are not released`;
  return new KinsyncError("KINSYNC_RUN_LOCAL", what);
}
