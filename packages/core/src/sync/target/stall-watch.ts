import { KinsyncError } from "../../errors/error.ts";

/** A batch counts as stuck after this long without a byte taken or an answer. */
const STALL_MS = 60_000;

/** Ends a batch that makes no progress, so that no transport can block its target forever. */
export class StallWatch implements Disposable {
  // Not `AbortSignal.any`: it would leave a trace of each batch in the target's signal until a garbage collection.
  readonly #abort = new AbortController();
  readonly #target: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort = (): void => this.#abort.abort(this.#target.reason);

  /** @param signal ends the batch with its reason */
  constructor(signal: AbortSignal, name: () => string) {
    this.#target = signal;
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#timer = setTimeout(() => {
      const seconds = STALL_MS / 1000;
      this.#abort.abort(
        new KinsyncError("KINSYNC_TARGET_TIMEOUT", `${name()} neither took a byte nor answered for ${seconds} s`),
      );
    }, STALL_MS);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Ends the batch with this reason. */
  stop(reason: Error): void {
    this.#abort.abort(reason);
  }

  alive(): void {
    this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#target.removeEventListener("abort", this.#onAbort);
  }
}
