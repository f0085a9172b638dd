import { KinsyncError } from "../../errors/error.ts";
import type { ResolvedHooks } from "../../mapping/local-actions.ts";
import type { WorkloadEmitter } from "../emit.ts";
import type { LocalState } from "../snapshot.ts";
import type { LocalRunView } from "./local-run-view.ts";
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

/** An order to release what waits. */
interface ReleaseRequest {
  /** Never rejects. */
  readonly release: () => Promise<void>;
  readonly reject: (failure: unknown) => void;
}

/** Commands on this machine around each release: `before` decides whether it happens, `after` follows when all targets hold it. */
export class Hooks implements AsyncDisposable {
  readonly #options: HooksOptions;
  readonly #before: LocalRunner | undefined;
  readonly #after: LocalRunner | undefined;
  #offered: LocalState | undefined;
  /** Orders to release what waits, for the next run. */
  readonly #requests: ReleaseRequest[] = [];
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

  /**
   * What `after` does; `undefined` where it is not due and has not failed.
   * @param released number of the released snapshot
   */
  after(released: number): LocalRunView | undefined {
    if (this.#after === undefined) return undefined;
    const base = { what: "after", command: this.#after.text } as const;
    if (this.#afterRuns !== undefined) return { ...base, phase: "running", snapshot: this.#followed };
    if (this.#followed < released) return { ...base, phase: "waiting", snapshot: released };
    return this.#afterFailed ? { ...base, phase: "failed", snapshot: this.#followed } : undefined;
  }

  /** Commands that failed and have not succeeded since. */
  get failures(): number {
    return Number(this.error !== undefined) + Number(this.#afterFailed);
  }

  /**
   * A new local state: it is released when `before` has succeeded. `before` may make files, which are offered during its run: so a first
   * run that ends with newer files is followed by another one, and each later run releases what it began with. However fast saves follow,
   * each is released at the end of the second run after it, or earlier.
   */
  offer(state: LocalState): void {
    if (this.#before === undefined) {
      this.#options.onState(state);
      return;
    }
    this.#offered = state;
    this.#start(this.#before);
  }

  #start(runner: LocalRunner): void {
    this.#beforeRuns ??= this.#runBefore(runner);
    this.#options.onChange();
  }

  async #runBefore(runner: LocalRunner): Promise<void> {
    let hasPassed = false;
    while (this.#offered !== undefined || this.#requests.length > 0) {
      const state = this.#offered;
      const requests = this.#requests.splice(0);
      this.#offered = undefined;
      const failure = await failureOf(runner);
      if (this.#isOver) {
        for (const { reject } of requests) reject(failure ?? ended());
        return;
      }
      if (this.#offered !== undefined && requests.length === 0 && !hasPassed) {
        hasPassed = true;
        continue;
      }
      this.error = failure;
      if (failure === undefined && state !== undefined) this.#options.onState(state);
      for (const { release, reject } of requests) await (failure === undefined ? release() : reject(failure));
      this.#options.onChange();
    }
    this.#beforeRuns = undefined;
    this.#options.onChange();
  }

  /** Has a `before` that decides about releases. */
  get decides(): boolean {
    return this.#before !== undefined;
  }

  /**
   * Runs `before`, and releases when it has succeeded: for changes that waited. It is the next run, however fast saves follow.
   * @throws the failure of `before`; nothing is released then
   */
  async beforeRelease<Result>(release: () => Promise<Result>): Promise<Result> {
    const runner = this.#before;
    if (runner === undefined) return await release();
    if (this.#isOver) throw ended();
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.#requests.push({ release: () => release().then(resolve, reject), reject });
    this.#start(runner);
    return await promise;
  }

  /**
   * Runs `before` again for a state that it kept from its release, unless a newer one was offered.
   * @throws the failure of `before`
   */
  async retry(state: LocalState): Promise<void> {
    this.#offered ??= state;
    await this.beforeRelease(async () => undefined);
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
    for (const { reject } of this.#requests.splice(0)) reject(ended());
    this.#before?.[Symbol.dispose]();
    this.#after?.[Symbol.dispose]();
    await Promise.allSettled([this.#beforeRuns, this.#afterRuns]);
  }
}

function ended(): KinsyncError {
  return new KinsyncError("KINSYNC_RUN_LOCAL", "kinsync ends: the local changes are not released");
}

async function failureOf(runner: LocalRunner): Promise<KinsyncError | undefined> {
  const { ok, reason } = await runner.run([]);
  if (ok) return undefined;
  const what = `hooks.before: ${runner.text} ${reason}: the local changes are not released`;
  return new KinsyncError("KINSYNC_RUN_LOCAL", what);
}
