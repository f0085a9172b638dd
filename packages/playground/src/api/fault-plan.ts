import type { ExecDirection, Faults, RequestPattern, SessionPattern } from "../faults.ts";
import { StatusError } from "../status-error.ts";

/** What a request is, for the patterns. */
export interface RequestFacts {
  readonly verb: string;
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

/** What an exec session is, for the patterns. */
export interface SessionFacts {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string | undefined;
}

/** What the faults do to one exec session. It is asked for each chunk, so that a fault can begin while the session runs. */
export interface SessionFaults {
  /** Waits, where sessions of this kind have to. */
  beforeOpen(signal: AbortSignal): Promise<void>;
  /**
   * Bytes of the next chunk that may pass now: 0 and `cut` where the connection must end here.
   * Waits while the session is stalled or slowed down; rejects when `signal` is aborted.
   */
  admit(
    direction: ExecDirection,
    bytes: number,
    signal: AbortSignal,
  ): Promise<{ readonly bytes: number; readonly cut: boolean }>;
}

/** The parts of the API server that faults reach into. */
export interface FaultReach {
  cutWatches(resource: string | undefined, clean: boolean): number;
  expire(): void;
  endExec(how: "drop" | "success", matches: (session: SessionFacts) => boolean): number;
  pause(cutSessions: boolean): Promise<void>;
  resume(): Promise<void>;
}

interface Rule<Pattern> {
  readonly pattern: Pattern;
}

interface ResponseRule extends Rule<RequestPattern> {
  readonly code: number;
  readonly retryAfterSeconds: number | undefined;
  left: number;
}

interface HangRule extends Rule<RequestPattern> {
  readonly released: Promise<void>;
  readonly release: () => void;
}

interface CutRule extends Rule<SessionPattern> {
  readonly direction: ExecDirection;
  readonly afterBytes: number;
  left: number;
}

interface SlowRule extends Rule<SessionPattern> {
  readonly direction: ExecDirection | undefined;
  readonly bytesPerSecond: number;
}

interface DelayRule extends Rule<SessionPattern> {
  readonly milliseconds: number;
}

function matchesRequest(pattern: RequestPattern, facts: RequestFacts): boolean {
  return (
    (pattern.verb === undefined || pattern.verb === "*" || pattern.verb === facts.verb) &&
    (pattern.resource === undefined || pattern.resource === "*" || pattern.resource === facts.resource) &&
    (pattern.subresource === undefined || pattern.subresource === (facts.subresource ?? "")) &&
    (pattern.namespace === undefined || pattern.namespace === facts.namespace) &&
    (pattern.name === undefined || pattern.name === facts.name)
  );
}

function matchesSession(pattern: SessionPattern, facts: SessionFacts): boolean {
  return (
    (pattern.namespace === undefined || pattern.namespace === facts.namespace) &&
    (pattern.pod === undefined || pattern.pod === facts.pod) &&
    (pattern.container === undefined || pattern.container === facts.container)
  );
}

/** Settles after the time, or when something else does; rejects when the signal is aborted. */
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

/** Slowed streams move in steps of this many milliseconds. */
const STEP = 20;

/** Keeps the faults that are set; the API server asks it before it answers. */
export class FaultPlan implements Faults {
  readonly #denials = new Set<Rule<RequestPattern>>();
  readonly #responses = new Set<ResponseRule>();
  readonly #hangs = new Set<HangRule>();
  readonly #delays = new Set<DelayRule>();
  readonly #cuts = new Set<CutRule>();
  readonly #slow = new Set<SlowRule>();
  readonly #stalls = new Set<Rule<SessionPattern>>();
  #reach: FaultReach | undefined;
  #refuseExpired = false;

  /** Called once by the API server. */
  connect(reach: FaultReach): void {
    this.#reach = reach;
  }

  cutWatches({ resource, clean = false }: { resource?: string; clean?: boolean } = {}): number {
    return this.#api().cutWatches(resource, clean);
  }

  expireResourceVersions({ http = false }: { http?: boolean } = {}): void {
    this.#refuseExpired = http;
    this.#api().expire();
  }

  deny(pattern: RequestPattern): Disposable {
    return this.#keep(this.#denials, { pattern });
  }

  allow(pattern?: RequestPattern): void {
    const fields = ["verb", "resource", "subresource", "namespace", "name"] as const;
    for (const rule of this.#denials) {
      if (pattern === undefined || fields.every((field) => rule.pattern[field] === pattern[field])) {
        this.#denials.delete(rule);
      }
    }
  }

  respond(
    pattern: RequestPattern,
    { code = 500, times = Number.POSITIVE_INFINITY, retryAfterSeconds }: Parameters<Faults["respond"]>[1] = {},
  ): Disposable {
    return this.#keep(this.#responses, { pattern, code, retryAfterSeconds, left: times });
  }

  hang(pattern: RequestPattern): Disposable {
    const { promise, resolve } = Promise.withResolvers<void>();
    const rule: HangRule = { pattern, released: promise, release: resolve };
    const kept = this.#keep(this.#hangs, rule);
    return {
      [Symbol.dispose]: () => {
        kept[Symbol.dispose]();
        rule.release();
      },
    };
  }

  delayExec(milliseconds: number, pattern: SessionPattern = {}): Disposable {
    return this.#keep(this.#delays, { pattern, milliseconds });
  }

  cutExec(cut: Parameters<Faults["cutExec"]>[0], pattern: SessionPattern = {}): Disposable {
    const { direction, afterBytes, times = 1 } = cut;
    return this.#keep(this.#cuts, { pattern, direction, afterBytes, left: times });
  }

  slowExec(rate: Parameters<Faults["slowExec"]>[0], pattern: SessionPattern = {}): Disposable {
    return this.#keep(this.#slow, { pattern, direction: rate.direction, bytesPerSecond: rate.bytesPerSecond });
  }

  stallExec(pattern: SessionPattern = {}): Disposable {
    return this.#keep(this.#stalls, { pattern });
  }

  endExec(how: "drop" | "success", pattern: SessionPattern = {}): number {
    return this.#api().endExec(how, (session) => matchesSession(pattern, session));
  }

  async pause({ sessions = "keep" }: { sessions?: "keep" | "cut" } = {}): Promise<void> {
    await this.#api().pause(sessions === "cut");
  }

  async resume(): Promise<void> {
    await this.#api().resume();
  }

  clear(): void {
    this.#refuseExpired = false;
    for (const hang of this.#hangs) {
      hang.release();
    }
    for (const rules of [
      this.#denials,
      this.#responses,
      this.#hangs,
      this.#delays,
      this.#cuts,
      this.#slow,
      this.#stalls,
    ]) {
      rules.clear();
    }
  }

  /** Whether a watch at an expired version is refused by HTTP 410, not told in band. */
  get refusesExpiredWatches(): boolean {
    return this.#refuseExpired;
  }

  isDenied(facts: RequestFacts): boolean {
    return [...this.#denials].some(({ pattern }) => matchesRequest(pattern, facts));
  }

  /** Waits while the request must hang, and throws the error that it is answered by, if there is one. */
  async beforeAnswer(facts: RequestFacts, signal: AbortSignal): Promise<void> {
    for (const { pattern, released } of this.#hangs) {
      if (matchesRequest(pattern, facts)) {
        await Promise.race([released, aborted(signal)]);
      }
    }
    for (const rule of this.#responses) {
      if (matchesRequest(rule.pattern, facts)) {
        rule.left -= 1;
        if (rule.left <= 0) {
          this.#responses.delete(rule);
        }
        throw errorWithCode(rule.code, rule.retryAfterSeconds);
      }
    }
  }

  /** The faults of one session; cuts that are counted by session are taken here. */
  forSession(facts: SessionFacts): SessionFaults {
    const passed: Record<ExecDirection, number> = { stdin: 0, stdout: 0, stderr: 0 };
    const met = new Set<CutRule>();
    return {
      beforeOpen: async (signal) => {
        for (const { pattern, milliseconds } of this.#delays) {
          if (matchesSession(pattern, facts)) {
            await pause(milliseconds, signal);
          }
        }
      },
      admit: async (direction, bytes, signal) => {
        while ([...this.#stalls].some(({ pattern }) => matchesSession(pattern, facts))) {
          await pause(STEP, signal);
        }
        let allowed = bytes;
        for (const { pattern, direction: slowed, bytesPerSecond } of this.#slow) {
          if (matchesSession(pattern, facts) && (slowed ?? direction) === direction) {
            const step = Math.max(1, Math.floor((bytesPerSecond * STEP) / 1000));
            allowed = Math.min(allowed, step);
            await pause((allowed / bytesPerSecond) * 1000, signal);
          }
        }
        let cut = false;
        for (const rule of this.#cuts) {
          if (rule.direction === direction && matchesSession(rule.pattern, facts) && this.#takes(rule, met)) {
            const left = Math.max(0, rule.afterBytes - passed[direction]);
            if (allowed >= left) {
              allowed = left;
              cut = true;
            }
          }
        }
        passed[direction] += allowed;
        return { bytes: allowed, cut };
      },
    };
  }

  /** A session takes one of the rule's times with its first byte that way, and keeps it. */
  #takes(rule: CutRule, met: Set<CutRule>): boolean {
    if (!met.has(rule) && rule.left > 0) {
      rule.left -= 1;
      met.add(rule);
    }
    return met.has(rule);
  }

  #keep<T>(rules: Set<T>, rule: T): Disposable {
    rules.add(rule);
    return {
      [Symbol.dispose]: () => {
        rules.delete(rule);
      },
    };
  }

  #api(): FaultReach {
    if (this.#reach === undefined) {
      throw new Error("The faults have no API server yet.");
    }
    return this.#reach;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) {
    reject(signal.reason as Error);
  }
  signal.addEventListener(
    "abort",
    () => {
      reject(signal.reason as Error);
    },
    { once: true },
  );
  return promise;
}

const REASONS: Readonly<Record<number, readonly [reason: string, message: string]>> = {
  401: ["Unauthorized", "Unauthorized"],
  410: ["Expired", "The resourceVersion for the provided watch is too old."],
  429: ["TooManyRequests", "the server has received too many requests and has asked us to try again later"],
  500: ["InternalError", "Internal error occurred: on demand"],
  502: ["InternalError", "an error on the server has prevented the request from succeeding"],
  503: ["ServiceUnavailable", "the server is currently unable to handle the request"],
  504: [
    "Timeout",
    "the server was unable to return a response in the time allotted, but may still be processing the request",
  ],
};

function errorWithCode(code: number, retryAfterSeconds: number | undefined): StatusError {
  const [reason, message] = REASONS[code] ?? ["Unknown", `error ${code} on demand`];
  return new StatusError(code, reason, message, retryAfterSeconds === undefined ? undefined : { retryAfterSeconds });
}
