import { KinsyncError } from "../../errors/error.ts";

/** A batch counts as stuck after this long without a byte taken or an answer. */
const STALL_MS = 60_000;

/** Ends a batch that makes no progress, so that no transport can block its target forever. */
export class StallWatch implements Disposable {
  // Not `AbortSignal.any`: it would leave a trace of each batch in the target's signal until a garbage collection.
  readonly #abort = new AbortController();
  readonly #target: AbortSignal;
  readonly #name: () => string;
  #timer: NodeJS.Timeout | undefined;
  readonly #onAbort = (): void => this.#abort.abort(this.#target.reason);

  /** @param signal ends the batch with its reason */
  constructor(signal: AbortSignal, name: () => string) {
    this.#target = signal;
    this.#name = name;
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
    this.resume();
  }

  /** Watches again after `pause`. */
  resume(): void {
    this.#timer ??= setTimeout(() => {
      const seconds = STALL_MS / 1000;
      this.#abort.abort(
        new KinsyncError("KINSYNC_TARGET_TIMEOUT", `${this.#name()} neither took a byte nor answered for ${seconds} s`),
      );
    }, STALL_MS);
  }

  /** Nothing is due: the batch is staged and waits for other targets. */
  pause(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Ends the batch with this reason. */
  stop(reason: Error): void {
    this.#abort.abort(reason);
  }

  alive(): void {
    this.#timer?.refresh();
  }

  [Symbol.dispose](): void {
    this.pause();
    this.#target.removeEventListener("abort", this.#onAbort);
  }
}
