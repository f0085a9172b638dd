import type { HostedSession } from "../../contract/session.ts";
import { HELD_EXIT_CODES, heldCommand } from "./steps.ts";

/** An entrypoint may do something before it starts the wrapper. Milliseconds from one question to the next. */
const AGAIN_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000] as const;
const ANSWER_MS = 10_000;

export interface HeldStartOptions {
  readonly session: () => Promise<HostedSession>;
  /** Aborts when the target ends. */
  readonly signal: () => AbortSignal;
  /** The wrapper holds the process, and the files are there. */
  readonly onHeld: () => void;
  readonly onChange: () => void;
}

/**
 * Finds out whether `kinsync wrapper` holds the process of a container that has its files now: a process that starts with its container
 * would run those of the image, or of a snapshot before, beside members that run newer ones.
 */
export class HeldStart implements Disposable {
  readonly #options: HeldStartOptions;
  /** The life of the container whose process runs, or that has no wrapper. */
  #settled: string | undefined;
  #isAsking = false;
  /** Questions that no wrapper answered, in this life of the container. */
  #asked = 0;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(options: HeldStartOptions) {
    this.#options = options;
  }

  /** It is not known yet whether the process runs. */
  get isAsking(): boolean {
    return this.#isAsking;
  }

  /** The container has its files. @param incarnation changes whenever the container restarts */
  landed(incarnation: string): void {
    if (this.#settled === incarnation || this.#isAsking || this.#timer !== undefined || this.#isOver) return;
    this.#isAsking = true;
    void this.#ask().finally(() => {
      this.#isAsking = false;
      if (!this.#isOver) this.#options.onChange();
    });
  }

  async #ask(): Promise<void> {
    const { session, signal, onHeld } = this.#options;
    try {
      const open = await session();
      const { incarnation } = open.facts;
      const { exitCode } = await open.run(heldCommand(), { timeout: ANSWER_MS, signal: signal() });
      if (this.#isOver) return;
      if (exitCode === HELD_EXIT_CODES.held || exitCode === HELD_EXIT_CODES.started) this.#settled = incarnation;
      else this.#askAgain(incarnation);
      if (exitCode === HELD_EXIT_CODES.held) onHeld();
    } catch {
      // The pass that follows the end of the session asks again.
    }
  }

  #askAgain(incarnation: string): void {
    const delay = AGAIN_MS[this.#asked];
    this.#asked += 1;
    if (delay === undefined) {
      this.#settled = incarnation;
      this.#asked = 0;
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.landed(incarnation);
    }, delay);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}
