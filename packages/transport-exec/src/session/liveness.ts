import type { KinsyncError, SessionEnd, Target } from "@kinsync/core/contract";
import { timeoutError } from "../stream/target-error.ts";
import type { Requests } from "./requests.ts";

export interface LivenessOptions {
  readonly target: Target;
  readonly requests: Requests;
  /** Milliseconds of silence that a request without a limit of its own may take. */
  readonly silenceMs: number;
  /** Milliseconds of idleness after which the agent is checked. */
  readonly idleMs: number;
  /** Milliseconds for that check. */
  readonly pingMs: number;
  /** Requests a proof that the agent is alive and that the roots are still owned. */
  readonly prove: (signal: AbortSignal) => Promise<void>;
  readonly end: (why: SessionEnd["why"], error: KinsyncError) => void;
}

/** Checks that the container side is alive. A pong of the WebSocket would only prove that the first hop is. */
export class Liveness implements Disposable {
  readonly #options: LivenessOptions;
  readonly #timer: NodeJS.Timeout;

  constructor(options: LivenessOptions) {
    this.#options = options;
    const intervalMs = Math.min(1_000, options.silenceMs / 4, options.idleMs / 4);
    this.#timer = setInterval(() => this.#check(), intervalMs);
    this.#timer.unref();
  }

  #check(): void {
    const { target, requests, silenceMs, idleMs, pingMs, prove, end } = this.#options;
    const { first, quietMs } = requests;
    if (first !== undefined) {
      if (quietMs > (first.patienceMs ?? silenceMs))
        end("lost", timeoutError(target, "the agent sent nothing", quietMs));
    } else if (quietMs > idleMs) {
      const signal = AbortSignal.timeout(pingMs);
      prove(signal).catch(() => {
        // A failure that the agent reported has ended the session already.
        if (signal.aborted) end("lost", timeoutError(target, "the agent did not answer a ping", pingMs));
      });
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
