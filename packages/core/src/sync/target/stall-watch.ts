import { KinsyncError } from "../../errors/error.ts";

/** Milliseconds without a byte taken or an answer given until a batch counts as stuck. */
const STALL = 60_000;

/** Ends a batch that moves no more: nothing waits for ever, whatever a transport does. */
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
      const seconds = STALL / 1000;
      this.#abort.abort(
        new KinsyncError("KINSYNC_TARGET_TIMEOUT", `${this.#name()} neither took a byte nor answered for ${seconds} s`),
      );
    }, STALL);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
