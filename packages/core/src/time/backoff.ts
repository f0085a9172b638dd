/** Delays between attempts: doubling from `min` to `max`, each with up to a quarter of it taken off at random. Milliseconds. */
export class Backoff {
  readonly #min: number;
  readonly #max: number;
  readonly #random: () => number;
  #attempt = 0;

  constructor(options: { readonly min: number; readonly max: number; readonly random?: () => number }) {
    this.#min = options.min;
    this.#max = options.max;
    this.#random = options.random ?? Math.random;
  }

  next(): number {
    const full = Math.min(this.#max, this.#min * 2 ** this.#attempt);
    this.#attempt += 1;
    return Math.round(full * (1 - this.#random() / 4));
  }

  reset(): void {
    this.#attempt = 0;
  }
}
