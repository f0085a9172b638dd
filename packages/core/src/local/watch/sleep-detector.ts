/** A jump of the clock that counts as a sleep of the machine. */
const SLEEP_MS = 5_000;

/** Finds out that the machine slept: between two beats the wall clock then jumps. */
export class SleepDetector {
  readonly #beatMs: number;
  #lastBeatAt = Date.now();

  constructor(beatMs: number) {
    this.#beatMs = beatMs;
  }

  /** @returns milliseconds by which the clock jumped since the last beat, negative if backwards; `undefined` if it did not jump */
  beat(): number | undefined {
    const now = Date.now();
    const jumpMs = now - this.#lastBeatAt - this.#beatMs;
    this.#lastBeatAt = now;
    return Math.abs(jumpMs) > SLEEP_MS ? jumpMs : undefined;
  }
}
