const MODULUS = 65_521;
/** Bytes that can be added before a sum exceeds 32 bits. */
const MAX_RUN_BYTES = 5_552;

/** Bits of a sum that a filter is indexed by. */
const FILTER_BITS = 20;
const FILTER_MASK = (1 << FILTER_BITS) - 1;

/** Sums that are searched for: most positions of a file have none of them, and this is faster than a map. */
export class SumFilter {
  readonly slots = new Uint8Array(1 << FILTER_BITS);

  add(high: number, low: number): void {
    this.slots[((high << 4) ^ low) & FILTER_MASK] = 1;
  }
}

/** The adler32 of a window of bytes, which moves on by one byte at a time. */
export class RollingSum {
  low = 1;
  high = 0;
  readonly #windowBytes: number;
  /** What a byte contributes to `high` when it leaves the window. */
  readonly #leaving = new Int32Array(256);

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes;
    for (let byte = 0; byte < 256; byte += 1) this.#leaving[byte] = (windowBytes * byte) % MODULUS;
  }

  /** The sum of a whole window. */
  reset(bytes: Uint8Array): void {
    let low = 1;
    let high = 0;
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(at + MAX_RUN_BYTES, bytes.length);
      for (; at < end; at += 1) {
        low += bytes[at] ?? 0;
        high += low;
      }
      low %= MODULUS;
      high %= MODULUS;
    }
    this.low = low;
    this.high = high;
  }

  /**
   * Moves the window that begins at `at` by one byte or more: until its sum may be one of the filter, or it begins at `last`.
   * @returns where it begins then
   */
  roll(bytes: Uint8Array, at: number, last: number, { slots }: SumFilter): number {
    // Local variables: this loop runs for each byte.
    const windowBytes = this.#windowBytes;
    const contributions = this.#leaving;
    let { low, high } = this;
    let position = at;
    while (position < last) {
      const leaving = bytes[position] as number;
      low += (bytes[position + windowBytes] as number) - leaving;
      if (low < 0) low += MODULUS;
      else if (low >= MODULUS) low -= MODULUS;
      high += low - 1 - (contributions[leaving] as number);
      if (high < 0) high += MODULUS;
      else if (high >= MODULUS) high -= MODULUS;
      position += 1;
      if (slots[((high << 4) ^ low) & FILTER_MASK] === 1) break;
    }
    this.low = low;
    this.high = high;
    return position;
  }
}
