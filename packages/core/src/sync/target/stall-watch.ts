import { KinsyncError } from "../../errors/error.ts";

/** A batch counts as stuck after this long without a byte taken or an answer. */
const STALL_MS = 60_000;

/** Ends a batch that makes no progress, so that no transport can block its target forever. */
export class StallWatch implements Disposable {
  readonly signal: AbortSignal;
  readonly #abort = new AbortController();
  readonly #name: () => string;
  #timer: NodeJS.Timeout;

  constructor(signal: AbortSignal, name: () => string) {
    this.#name = name;
    this.signal = AbortSignal.any([signal, this.#abort.signal]);
    this.#timer = this.#arm();
  }

  alive(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#arm();
  }

  #arm(): NodeJS.Timeout {
    return setTimeout(() => {
      const seconds = STALL_MS / 1000;
      this.#abort.abort(
        new KinsyncError("KINSYNC_TARGET_TIMEOUT", `${this.#name()} neither took a byte nor answered for ${seconds} s`),
      );
    }, STALL_MS);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
