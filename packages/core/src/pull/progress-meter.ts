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
  #current: PullProgress["current"];
  #reportedAt = performance.now();

  constructor(member: PullMember, onEvent: (event: PullEvent) => void) {
    this.#member = member;
    this.#onEvent = onEvent;
  }

  /** An attempt begins, with a new list. What was received stays. */
  begin(files: number): void {
    this.#files = files;
    this.#done = 0;
    this.#current = undefined;
  }

  received(count: number, current: NonNullable<PullProgress["current"]>): void {
    this.#bytes += count;
    this.#current = current;
    this.#report();
  }

  /** A file is over, whatever became of it. */
  done(): void {
    this.#done += 1;
    this.#current = undefined;
    this.#report();
  }

  /** Reports the last state. */
  flush(): void {
    const current = this.#current === undefined ? {} : { current: this.#current };
    const counts = { files: this.#files, done: this.#done, bytes: this.#bytes };
    this.#onEvent({ type: "progress", member: this.#member, ...counts, ...current });
  }

  #report(): void {
    const now = performance.now();
    if (now - this.#reportedAt < EVERY_MS) return;
    this.#reportedAt = now;
    this.flush();
  }
}
