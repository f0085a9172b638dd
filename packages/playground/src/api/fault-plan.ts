import type { Faults, RequestPattern, SessionPattern } from "../faults.ts";
import { StatusError } from "../status-error.ts";
import { RuledSession, SessionRules, matchesSession } from "./session-faults.ts";
import type { Rule, SessionFacts, SessionFaults } from "./session-faults.ts";

/** A request, as patterns match it. */
export interface RequestFacts {
  readonly verb: string;
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

/** The parts of the API server that faults act on. */
export interface FaultReach {
  cutWatches(resource: string | undefined, clean: boolean): number;
  expire(): void;
  endExec(how: "drop" | "success", matches: (session: SessionFacts) => boolean): number;
  pause(cutSessions: boolean): Promise<void>;
  resume(): Promise<void>;
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

function matchesRequest(pattern: RequestPattern, facts: RequestFacts): boolean {
  return (
    (pattern.verb === undefined || pattern.verb === "*" || pattern.verb === facts.verb) &&
    (pattern.resource === undefined || pattern.resource === "*" || pattern.resource === facts.resource) &&
    (pattern.subresource === undefined || pattern.subresource === (facts.subresource ?? "")) &&
    (pattern.namespace === undefined || pattern.namespace === facts.namespace) &&
    (pattern.name === undefined || pattern.name === facts.name)
  );
}

/** Stores the faults that are set; the API server checks it before each response. */
export class FaultPlan implements Faults {
  readonly #denials = new Set<Rule<RequestPattern>>();
  readonly #responses = new Set<ResponseRule>();
  readonly #hangs = new Set<HangRule>();
  readonly #sessionRules = new SessionRules();
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
    return this.#keep(this.#sessionRules.delays, { pattern, milliseconds });
  }

  cutExec(cut: Parameters<Faults["cutExec"]>[0], pattern: SessionPattern = {}): Disposable {
    const { direction, afterBytes, times = 1 } = cut;
    return this.#keep(this.#sessionRules.cuts, { pattern, direction, afterBytes, left: times });
  }

  slowExec(rate: Parameters<Faults["slowExec"]>[0], pattern: SessionPattern = {}): Disposable {
    return this.#keep(this.#sessionRules.slow, {
      pattern,
      direction: rate.direction,
      bytesPerSecond: rate.bytesPerSecond,
    });
  }

  stallExec(pattern: SessionPattern = {}): Disposable {
    return this.#keep(this.#sessionRules.stalls, { pattern });
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
      this.#sessionRules.delays,
      this.#sessionRules.cuts,
      this.#sessionRules.slow,
      this.#sessionRules.stalls,
    ]) {
      rules.clear();
    }
  }

  /** Whether a watch at an expired version fails with HTTP 410 instead of an in-band error. */
  get refusesExpiredWatches(): boolean {
    return this.#refuseExpired;
  }

  isDenied(facts: RequestFacts): boolean {
    return [...this.#denials].some(({ pattern }) => matchesRequest(pattern, facts));
  }

  /** Waits while the request must hang, then throws the error set for it, if any. */
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

  /** The faults of one session. Uses up one of the cuts that are counted by session. */
  forSession(facts: SessionFacts): SessionFaults {
    return new RuledSession(facts, this.#sessionRules);
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
