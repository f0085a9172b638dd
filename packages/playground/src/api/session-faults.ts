import type { ExecDirection, SessionPattern } from "../faults.ts";

/** An exec session, as patterns match it. */
export interface SessionFacts {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string | undefined;
}

/** The effect of the faults on one exec session. Evaluated for each chunk, so that a fault can start while the session runs. */
export interface SessionFaults {
  /** Waits if a fault delays this session. */
  beforeOpen(signal: AbortSignal): Promise<void>;
  /**
   * Bytes of the next chunk that may pass now: 0 and `cut` if the connection must end here.
   * Waits while the session is stalled or slowed down; rejects when `signal` is aborted.
   */
  admit(
    direction: ExecDirection,
    bytes: number,
    signal: AbortSignal,
  ): Promise<{ readonly bytes: number; readonly cut: boolean }>;
}

/** A lasting fault, and its pattern. */
export interface Rule<Pattern> {
  readonly pattern: Pattern;
}

export interface CutRule extends Rule<SessionPattern> {
  readonly direction: ExecDirection;
  readonly afterBytes: number;
  left: number;
}

export interface SlowRule extends Rule<SessionPattern> {
  readonly direction: ExecDirection | undefined;
  readonly bytesPerSecond: number;
}

export interface DelayRule extends Rule<SessionPattern> {
  readonly milliseconds: number;
}

/** The active faults of exec sessions. */
export class SessionRules {
  readonly delays = new Set<DelayRule>();
  readonly cuts = new Set<CutRule>();
  readonly slow = new Set<SlowRule>();
  readonly stalls = new Set<Rule<SessionPattern>>();
}

/** Whether a fault applies to a session. */
export function matchesSession(pattern: SessionPattern, facts: SessionFacts): boolean {
  return (
    (pattern.namespace === undefined || pattern.namespace === facts.namespace) &&
    (pattern.pod === undefined || pattern.pod === facts.pod) &&
    (pattern.container === undefined || pattern.container === facts.container)
  );
}

/** Settles after the time or with `other`, whichever is first; rejects when the signal is aborted. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  const abort = (): void => {
    reject(signal.reason as Error);
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/** Slowed streams advance once per step. */
const STEP_MS = 20;

/** One session, under the rules that are active at each moment. */
export class RuledSession implements SessionFaults {
  readonly #facts: SessionFacts;
  readonly #rules: SessionRules;
  readonly #passed: Record<ExecDirection, number> = { stdin: 0, stdout: 0, stderr: 0 };
  readonly #met = new Set<CutRule>();

  constructor(facts: SessionFacts, rules: SessionRules) {
    this.#facts = facts;
    this.#rules = rules;
  }

  async beforeOpen(signal: AbortSignal): Promise<void> {
    for (const { pattern, milliseconds } of this.#rules.delays) {
      if (matchesSession(pattern, this.#facts)) {
        await pause(milliseconds, signal);
      }
    }
  }

  async admit(
    direction: ExecDirection,
    bytes: number,
    signal: AbortSignal,
  ): Promise<{ readonly bytes: number; readonly cut: boolean }> {
    while ([...this.#rules.stalls].some(({ pattern }) => matchesSession(pattern, this.#facts))) {
      await pause(STEP_MS, signal);
    }
    let allowed = bytes;
    for (const { pattern, direction: slowed, bytesPerSecond } of this.#rules.slow) {
      if (matchesSession(pattern, this.#facts) && (slowed ?? direction) === direction) {
        const step = Math.max(1, Math.floor((bytesPerSecond * STEP_MS) / 1000));
        allowed = Math.min(allowed, step);
        await pause((allowed / bytesPerSecond) * 1000, signal);
      }
    }
    let cut = false;
    for (const rule of this.#rules.cuts) {
      if (rule.direction === direction && matchesSession(rule.pattern, this.#facts) && this.#takes(rule)) {
        const left = Math.max(0, rule.afterBytes - this.#passed[direction]);
        if (allowed >= left) {
          allowed = left;
          cut = true;
        }
      }
    }
    this.#passed[direction] += allowed;
    return { bytes: allowed, cut };
  }

  /** The first byte in a direction uses up one of the rule's times for the whole session. */
  #takes(rule: CutRule): boolean {
    if (!this.#met.has(rule) && rule.left > 0) {
      rule.left -= 1;
      this.#met.add(rule);
    }
    return this.#met.has(rule);
  }
}
