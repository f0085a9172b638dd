import type { NamedTimers } from "./named-timers.ts";

/** A problem that lasts is reported at most this often. */
const REPEAT_MS = 10_000;

/** Reports what the watcher did about problems of its own, without repeating itself. */
export class Notes {
  readonly #reported = new Set<string>();
  readonly #timers: NamedTimers;
  readonly #onNote: (note: string) => void;

  constructor(timers: NamedTimers, onNote: (note: string) => void) {
    this.#timers = timers;
    this.#onNote = onNote;
  }

  report(note: string): void {
    if (this.#reported.has(note)) return;
    this.#reported.add(note);
    this.#timers.start(`note ${note}`, REPEAT_MS, () => this.#reported.delete(note));
    this.#onNote(note);
  }
}
