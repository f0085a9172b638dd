import type { PullEvent, PullMember, PullProgress } from "./events.ts";

/** Programs and terminals need no more than ten events a second. */
const EVERY_MS = 100;

/** Counts what arrives from one member, and reports it now and then. */
export class PullProgressMeter {
  readonly #member: PullMember;
  #files = 0;
  readonly #onEvent: (event: PullEvent) => void;
  #done = 0;
  #bytes = 0;
  /** Of all files; `undefined`: not known. */
  #total: number | undefined;
  /** Of the files that are done. */
  #settled = 0;
  #current: PullProgress["current"];
  #reportedAt = performance.now();

  constructor(member: PullMember, onEvent: (event: PullEvent) => void) {
    this.#member = member;
    this.#onEvent = onEvent;
  }

  /**
   * An attempt begins, with a new list. What was received stays.
   * @param total bytes of all files; `undefined`: not known
   */
  begin(files: number, total: number | undefined): void {
    this.#files = files;
    this.#total = total;
    this.#settled = 0;
    this.#done = 0;
    this.#current = undefined;
  }

  received(count: number, current: NonNullable<PullProgress["current"]>): void {
    this.#bytes += count;
    this.#current = current;
    this.#report();
  }

  /** A file is over, whatever became of it. @param size as listed */
  done(size = 0): void {
    this.#done += 1;
    this.#settled += size;
    this.#current = undefined;
    this.#report();
  }

  /** Reports the last state. */
  flush(): void {
    const current = this.#current === undefined ? {} : { current: this.#current };
    const counts = { files: this.#files, done: this.#done, bytes: this.#bytes };
    // A file may have grown since it was listed.
    const here = Math.min(this.#total ?? 0, this.#settled + (this.#current?.received ?? 0));
    const extent = this.#total === undefined ? {} : { total: this.#total, here };
    this.#onEvent({ type: "progress", member: this.#member, ...counts, ...extent, ...current });
  }

  #report(): void {
    const now = performance.now();
    if (now - this.#reportedAt < EVERY_MS) return;
    this.#reportedAt = now;
    this.flush();
  }
}
