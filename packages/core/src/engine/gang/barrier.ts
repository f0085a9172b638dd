import type { Quorum } from "../../contract/config.ts";
import type { Preparation } from "../../sync/target/ahead.ts";

/** The members at a barrier, counted. */
export interface BarrierCounts {
  readonly total: number;
  readonly prepared: number;
  readonly failing: number;
}

/** What else decides about a barrier. */
export interface BarrierConditions {
  readonly quorum: Quorum;
  /** The members are known. */
  readonly isResolved: boolean;
  /** The time that the candidate had is over. */
  readonly isLate: boolean;
  /** A newer candidate waits. */
  readonly hasNext: boolean;
  /** The process of a member is being restarted. It reads its files at some moment of that, and would read those of two snapshots. */
  readonly isRestarting: boolean;
}

/**
 * `wait`: members are preparing, or one is being restarted. `held`: members cannot prepare, and the others wait for them. `open`: all of them commit. `give-up`: the
 * time is over. `replace`: the candidate cannot be released now, and a newer one waits.
 */
export type BarrierDecision = "wait" | "held" | "open" | "give-up" | "replace";

/** How many of `total` members have to be prepared. */
export function neededOf(quorum: Quorum, total: number): number {
  if (quorum === "all") return total;
  const count = typeof quorum === "number" ? quorum : Math.ceil((total * Number.parseFloat(quorum)) / 100);
  return Math.min(Math.max(count, 1), total);
}

/** Decides about a barrier. Pure; the only place that does. Without members it opens: there is nobody who could show anything. */
export function decideBarrier(counts: BarrierCounts, conditions: BarrierConditions): BarrierDecision {
  const { total, prepared, failing } = counts;
  const { quorum, isResolved, isLate, hasNext, isRestarting } = conditions;
  if (!isResolved) return "wait";
  const ready = isRestarting && !isLate ? "wait" : "open";
  if (prepared === total) return ready;
  const needed = neededOf(quorum, total);
  if (isLate) return prepared >= needed ? "open" : "give-up";
  if (hasNext && total - failing < needed) return "replace";
  if (prepared + failing < total) return "wait";
  return prepared >= needed ? ready : "held";
}

/** Counts members by state. One member's change costs one member. */
export class Barrier<Member> {
  readonly #states = new Map<Member, Preparation>();
  #prepared = 0;
  #failing = 0;

  get counts(): BarrierCounts {
    return { total: this.#states.size, prepared: this.#prepared, failing: this.#failing };
  }

  /** A member came, or its state differs. Returns whether anything changed. */
  set(member: Member, state: Preparation): boolean {
    const before = this.#states.get(member);
    if (before === state) return false;
    this.#count(before, -1);
    this.#states.set(member, state);
    this.#count(state, 1);
    return true;
  }

  /** A member left. */
  delete(member: Member): void {
    this.#count(this.#states.get(member), -1);
    this.#states.delete(member);
  }

  /** Members in a state. Costs all members. */
  in(...states: readonly Preparation[]): Member[] {
    return [...this.#states].flatMap(([member, state]) => (states.includes(state) ? [member] : []));
  }

  #count(state: Preparation | undefined, step: 1 | -1): void {
    if (state === "prepared") this.#prepared += step;
    if (state === "failing") this.#failing += step;
  }
}
