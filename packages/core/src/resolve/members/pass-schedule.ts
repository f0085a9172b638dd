/** A pass that takes longer is followed by a rest. */
const LONG_PASS_MS = 10;

/**
 * Runs passes, at most one at a time. One pass handles all events of one turn of the event loop. After a long pass (thousands of
 * pods judged again) the next one waits for the duration of that pass, so that a storm of events leaves half of the time to others.
 */
export class PassSchedule implements Disposable {
  readonly #pass: () => void;
  /** Cancels the pass that is due. */
  #cancel: (() => void) | undefined;
  #restUntil = 0;
  #isDisposed = false;

  constructor(pass: () => void) {
    this.#pass = pass;
  }

  /** Makes a pass due, if none is. */
  request(): void {
    if (this.#isDisposed || this.#cancel !== undefined) return;
    const restMs = this.#restUntil - performance.now();
    if (restMs > 0) {
      const timer = setTimeout(() => this.#run(), restMs);
      this.#cancel = () => clearTimeout(timer);
    } else {
      const immediate = setImmediate(() => this.#run());
      this.#cancel = () => clearImmediate(immediate);
    }
  }

  #run(): void {
    this.#cancel = undefined;
    const startedAt = performance.now();
    this.#pass();
    const endedAt = performance.now();
    const tookMs = endedAt - startedAt;
    this.#restUntil = tookMs > LONG_PASS_MS ? endedAt + tookMs : 0;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#cancel?.();
  }
}
