import { isSameStamp, type Stamp } from "../read/digest.ts";

/** So many reads of a file that no longer held the bytes of its entry, within this time, show that it changes all the time. */
const STALE_READS = 3;
const WITHIN_MS = 10_000;
/** A restless file that did not change for this time is a part of the tree again. */
const REST_MS = 250;

interface Restless {
  readonly stamp: Stamp;
  readonly sinceMs: number;
}

/**
 * Files that change faster than they can be sent, such as a database or a log that is written again. Each attempt to send one fails
 * a whole batch, so the scanner leaves them out until they are at rest.
 */
export class RestlessFiles {
  /** Times of stale reads, by path. */
  readonly #stale = new Map<string, readonly number[]>();
  readonly #restless = new Map<string, Restless | undefined>();

  /**
   * Records that a file did not hold the bytes of its entry when it was read.
   * @returns whether the file counts as restless from now on
   */
  recordStale(path: string): boolean {
    if (this.#restless.has(path)) return false;
    const now = performance.now();
    for (const [each, times] of this.#stale) if (now - (times.at(-1) ?? 0) > WITHIN_MS) this.#stale.delete(each);
    const times = [...(this.#stale.get(path) ?? []), now].filter((time) => now - time <= WITHIN_MS);
    if (times.length < STALE_READS) {
      this.#stale.set(path, times);
      return false;
    }
    this.#stale.delete(path);
    this.#restless.set(path, undefined);
    return true;
  }

  /** Whether a file is to be left out. `stamp` is that of the file now. */
  isRestless(path: string, stamp: Stamp): boolean {
    if (!this.#restless.has(path)) return false;
    const now = performance.now();
    const known = this.#restless.get(path);
    if (known === undefined || !isSameStamp(known.stamp, stamp)) {
      this.#restless.set(path, { stamp, sinceMs: now });
      return true;
    }
    if (now - known.sinceMs < REST_MS) return true;
    this.#restless.delete(path);
    return false;
  }
}
