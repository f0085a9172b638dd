import { compareStamps, type Stamp } from "./stamp.ts";

/**
 * How far the log of a container was read, so that reading goes on there without a lost or doubled line. The API server passes on whole
 * seconds of `sinceTime`; the kubelet then repeats the lines since that second in the order of the file, and these are skipped by their
 * number. The second before the latest one is repeated, too: standard output and error are written side by side, so that times go back a bit.
 */
export class LogCursor {
  #first: Stamp | undefined;
  /** The latest line. */
  #last: Stamp | undefined;
  /** Lines that were read of the latest second, and of the one before. */
  #counts = { latest: 0, before: 0 };
  /** Lines that the stream that is open now has still to repeat. */
  #toSkip = 0;
  /** Where to begin if no line was read yet. Seconds since 1970. */
  #floor: number | undefined;

  /** Nothing before this moment is to be read, although no line was read yet. Milliseconds since 1970. */
  beginAt(time: number): void {
    if (this.#last === undefined && !Number.isNaN(time)) this.#floor ??= Math.floor(time / 1000);
  }

  /** A line was read, or reading began at a moment: `tailLines` and `sinceSeconds` must not be sent again. */
  get isBegun(): boolean {
    return this.#last !== undefined || this.#floor !== undefined;
  }

  /** A stream is opened. @returns its `sinceTime`; `undefined`: from the start */
  open(): string | undefined {
    this.#toSkip = this.#counts.latest + this.#counts.before;
    const second = this.#last === undefined ? this.#floor : this.#last.seconds - 1;
    return second === undefined ? undefined : new Date(second * 1000).toISOString().replace(".000", "");
  }

  /** A line arrived. @returns whether it is new */
  take(stamp: Stamp): boolean {
    const last = this.#last;
    if (last !== undefined && this.#toSkip > 0) {
      // With `tailLines` the first stream began later.
      if (this.#floor !== undefined && this.#first !== undefined && compareStamps(stamp, this.#first) < 0) return false;
      // In a new file there are fewer lines to repeat than were read: a line that is later than all of them is new.
      if (compareStamps(stamp, last) <= 0) {
        this.#toSkip -= 1;
        return false;
      }
      this.#toSkip = 0;
    }
    this.#count(stamp);
    this.#first ??= stamp;
    if (last === undefined || compareStamps(stamp, last) > 0) this.#last = stamp;
    return true;
  }

  #count({ seconds }: Stamp): void {
    const latest = this.#last?.seconds;
    if (latest === undefined || seconds > latest) {
      const before = latest === seconds - 1 ? this.#counts.latest : 0;
      this.#counts = { latest: 1, before };
    } else if (seconds === latest) this.#counts.latest += 1;
    else if (seconds === latest - 1) this.#counts.before += 1;
  }
}
