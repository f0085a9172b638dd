import { asKinsyncError, type KinsyncError } from "../../errors/error.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import type { DesiredRoot } from "./desired-state.ts";

interface Running {
  readonly mapping: ResolvedMapping;
  readonly ended: Promise<void>;
  readonly abort: AbortController;
}

interface Failure {
  /** Digest of the tree that was delivered. */
  readonly tree: string;
  readonly error: KinsyncError;
}

/**
 * Deliveries that run beside the passes of a target, at most one for each mapped root: of all of a root that has a session of its own,
 * or of the large files of a root. So the passes do not wait for them.
 */
export class Beside {
  readonly #running = new Map<string, Running>();
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

  /**
   * Ends deliveries, and forgets how they failed. Settles when they have ended.
   * @param isMeant for which mappings. Default: all
   */
  async stop(reason: Error, isMeant: (mapping: ResolvedMapping) => boolean = () => true): Promise<void> {
    const running = [...this.#running.values()].filter(({ mapping }) => isMeant(mapping));
    for (const { abort, mapping } of running) {
      abort.abort(reason);
      this.#failures.delete(mapping.id);
    }
    await Promise.all(running.map(({ ended }) => ended));
  }

  /**
   * Starts a delivery, unless one to this root is running: its end leads to the next one.
   * @param signal ends it with the target
   */
  start({ mapping, tree }: DesiredRoot, deliver: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): void {
    const { id } = mapping;
    if (this.#running.has(id)) return;
    this.#failures.delete(id);
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
    this.#running.set(id, { mapping, ended, abort });
  }

  /** How the last delivery to this root failed, once, if it is one of the failures that are meant. A failure that only another tree can end counts for its own tree only. */
  takeFailure(
    { mapping: { id }, tree }: DesiredRoot,
    isMeant: (error: KinsyncError) => boolean = () => true,
  ): KinsyncError | undefined {
    const failure = this.#failures.get(id);
    if (failure !== undefined && !isMeant(failure.error)) return undefined;
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
