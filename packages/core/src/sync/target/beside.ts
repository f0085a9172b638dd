import { asKinsyncError, type KinsyncError } from "../../errors/error.ts";
import type { DesiredRoot } from "./desired-state.ts";

interface Failure {
  /** Digest of the tree that was delivered. */
  readonly tree: string;
  readonly error: KinsyncError;
}

/**
 * Deliveries that run beside the passes of a target, one for each mapped root that has a session of its own. So the target's other roots
 * do not wait for them.
 */
export class Beside {
  readonly #running = new Map<string, { readonly ended: Promise<void>; readonly abort: AbortController }>();
  readonly #failures = new Map<string, Failure>();
  readonly #onEnd: () => void;

  /** @param onEnd called after each end, so that another pass compares again */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  get isRunning(): boolean {
    return this.#running.size > 0;
  }

  isRunningTo({ mapping }: DesiredRoot): boolean {
    return this.#running.has(mapping.id);
  }

  /** Ends all of them, and forgets how they failed. Settles when they have ended. */
  async stop(reason: Error): Promise<void> {
    const running = [...this.#running.values()];
    for (const { abort } of running) abort.abort(reason);
    this.#failures.clear();
    await Promise.all(running.map(({ ended }) => ended));
  }

  /**
   * Starts a delivery, unless one to this root is running: its end leads to the next one.
   * @param signal ends it with the target
   */
  start(
    { mapping: { id }, tree }: DesiredRoot,
    deliver: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): void {
    if (this.#running.has(id)) return;
    const abort = new AbortController();
    const ended = deliver(AbortSignal.any([signal, abort.signal]))
      .catch((thrown: unknown) => {
        if (abort.signal.aborted) return;
        const error = asKinsyncError(thrown, `${id}: something failed inside kinsync`, { retry: "retry" });
        this.#failures.set(id, { tree: tree.digest, error });
      })
      .then(() => {
        this.#running.delete(id);
        this.#onEnd();
      });
    this.#running.set(id, { ended, abort });
  }

  /** How the last delivery to this root failed, once. A failure that only another tree can end counts for its own tree only. */
  takeFailure({ mapping: { id }, tree }: DesiredRoot): KinsyncError | undefined {
    const failure = this.#failures.get(id);
    this.#failures.delete(id);
    if (failure === undefined) return undefined;
    const { retry, code } = failure.error;
    const needsAnotherTree = retry === "terminal" || code === "KINSYNC_SOURCE_CHANGED";
    return needsAnotherTree && failure.tree !== tree.digest ? undefined : failure.error;
  }

  /** What failed meanwhile no longer counts. */
  forgetFailures(): void {
    this.#failures.clear();
  }
}
