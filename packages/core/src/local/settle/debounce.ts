/** Longest time from the first change to a scan while changes keep coming, so that a file that is written all the time does not delay the others for ever. */
const LONGEST_SETTLE_MS = 100;
/** The same while git holds its lock. */
const LONGEST_SETTLE_IN_GIT_MS = 5_000;

export interface DebounceOptions {
  /** Quiet time after a change until the files count as settled. */
  readonly quietMs: number;
  /** Git is switching branches. That is one change, and the release of the lock is reported. */
  readonly isGitLocked: () => boolean;
  readonly onSettled: () => void;
}

/** Joins the changes of one save into one scan. */
export class Debounce implements Disposable {
  readonly #options: DebounceOptions;
  #firstChangeAt: number | undefined;
  #lastChangeAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #isDisposed = false;

  constructor(options: DebounceOptions) {
    this.#options = options;
  }

  /** A change came, and `onSettled` was not called since. */
  get isPending(): boolean {
    return this.#firstChangeAt !== undefined;
  }

  /** Milliseconds since the last change. */
  get quietForMs(): number {
    return performance.now() - this.#lastChangeAt;
  }

  /** Records a change. */
  restart(): void {
    if (this.#isDisposed) return;
    const now = performance.now();
    this.#firstChangeAt ??= now;
    this.#lastChangeAt = now;
    const [quietMs, longestMs] = this.#options.isGitLocked()
      ? [LONGEST_SETTLE_IN_GIT_MS, LONGEST_SETTLE_IN_GIT_MS]
      : [this.#options.quietMs, LONGEST_SETTLE_MS];
    const waitMs = Math.min(quietMs, Math.max(0, this.#firstChangeAt + longestMs - now));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#firstChangeAt = undefined;
      this.#options.onSettled();
    }, waitMs);
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
  }
}
