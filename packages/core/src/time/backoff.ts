/** First and longest delay. Milliseconds. */
export interface BackoffRange {
  readonly min: number;
  readonly max: number;
}

/**
 * Delays between attempts: doubling from `min` to `max`, each with up to half of it taken off at random, so that many clients
 * do not retry at the same moment. Milliseconds.
 */
export class Backoff {
  readonly #range: BackoffRange;
  readonly #random: () => number;
  #attempt = 0;

  constructor(options: BackoffRange & { readonly random?: () => number }) {
    this.#range = options;
    this.#random = options.random ?? Math.random;
  }

  /** The delay before the next attempt. @param range where it differs for this attempt */
  next({ min, max }: BackoffRange = this.#range): number {
    const full = Math.min(max, min * 2 ** Math.min(this.#attempt, 30));
    this.#attempt += 1;
    return Math.round(full * (1 - this.#random() / 2));
  }

  /** The attempt succeeded: the next delay is about `min`. */
  reset(): void {
    this.#attempt = 0;
  }
}
