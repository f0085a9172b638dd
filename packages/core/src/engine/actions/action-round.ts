import { takesPart } from "../../sync/actions/due.ts";
import { stepCount } from "../../sync/actions/steps.ts";
import type { TurnAnswer } from "../../sync/actions/turns.ts";
import type { ResolvedAction } from "../../mapping/action.ts";

/** A target as the actions of its workload see it. */
export interface Participant {
  /** `pod/NAME, container NAME`, for people. */
  readonly name: string;
  readonly role: string | undefined;
  readonly index: string | undefined;
  /** Number of the last snapshot that it held; `undefined` before the first. */
  readonly snapshot: number | undefined;
}

/** What all actions of a workload know of a target. */
export interface ParticipantState {
  /** Number of the last snapshot after which its commands were determined. */
  landed: number;
  /** Nobody waits for it: it needs the user, or was not ready in time. It takes part again when it lands. */
  isOut: boolean;
}

/** An answer to a target that waits. */
export interface Answer<P> {
  readonly target: P;
  readonly answer: Exclude<TurnAnswer, "over">;
}

/** Where a target is within an action: the snapshot that made it due, then the position of its step. */
interface Turn {
  readonly key: number;
  readonly position: number;
}

interface Entry {
  key: number;
  step: number;
  phase: "queued" | "waiting" | "running";
  /** It is due again after this time. */
  next: number | undefined;
}

/** Snapshots that changed something for an action: older ones are not told apart. */
const MAX_KEYS = 32;

/**
 * One action over the targets of a workload: which target may run which step now. A step may run when no target that takes part is at an
 * earlier one. Knows no clocks and starts nothing.
 */
export class ActionRound<P extends Participant> {
  readonly action: ResolvedAction;
  readonly #members: ReadonlyMap<P, ParticipantState>;
  readonly #entries = new Map<P, Entry>();
  /** Snapshots that changed something for this action, oldest first. */
  readonly #keys: number[] = [];
  /** Targets that failed and hold those of later positions, with the key. */
  readonly #holders = new Map<P, number>();
  /** Targets that did not run it because of a failure, with the key. */
  readonly #held = new Map<P, number>();
  /** With `on: one`: the newest key that is settled. */
  #settled = -1;
  /** With `on: one`: the last failure. */
  #failed: { readonly key: number; readonly by: P } | undefined;

  /** @param members all running targets of the workload */
  constructor(action: ResolvedAction, members: ReadonlyMap<P, ParticipantState>) {
    this.action = action;
    this.#members = members;
  }

  /** A snapshot was released that changed something for this action. */
  touched(snapshot: number): void {
    this.#keys.push(snapshot);
    if (this.#keys.length > MAX_KEYS) this.#keys.shift();
  }

  /** The action is due in a target. */
  queue(target: P): void {
    // It gets another attempt, which the others wait for.
    this.#holders.delete(target);
    this.#held.delete(target);
    const key = this.#keys.findLast((each) => each <= (target.snapshot ?? 0)) ?? 0;
    const entry = this.#entries.get(target);
    if (entry === undefined) this.#entries.set(target, { key, step: 0, phase: "queued", next: undefined });
    else if (entry.phase === "queued") entry.key = key;
    else entry.next = key;
  }

  /** A target has reached a step. */
  wait(target: P, step: number): void {
    const entry = this.#entries.get(target);
    if (entry === undefined) return;
    entry.step = step;
    entry.phase = "waiting";
  }

  /** The action ended in a target. */
  leave(target: P, how: "succeeded" | "failed" | "skipped"): void {
    const entry = this.#entries.get(target);
    if (entry === undefined) return;
    if (how === "failed" && this.action.onFailure === "hold") this.#holders.set(target, entry.key);
    if (how === "succeeded") {
      this.#holders.delete(target);
      this.#held.delete(target);
    }
    if (this.action.on === "one" && entry.phase === "running") {
      if (how === "succeeded") this.#settled = Math.max(this.#settled, entry.key);
      if (how === "failed") this.#failed = { key: entry.key, by: target };
    }
    if (entry.next === undefined) this.#entries.delete(target);
    else this.#entries.set(target, { key: entry.next, step: 0, phase: "queued", next: undefined });
  }

  /** A target ended. */
  remove(target: P): void {
    this.#entries.delete(target);
    this.#holders.delete(target);
    this.#held.delete(target);
    if (this.#failed?.by === target) this.#failed = undefined;
  }

  /** Failures no longer hold anybody, and what they held is not made up for. */
  dismiss(target: P): void {
    this.#holders.delete(target);
    this.#held.delete(target);
    if (this.#failed?.by !== target) return;
    this.#settled = Math.max(this.#settled, this.#failed.key);
    this.#failed = undefined;
  }

  /** Targets that no failure holds now, after one did: it was made good, or its target has ended. Each is named once. */
  freed(): readonly P[] {
    const freed = [...this.#held].filter(([target, key]) => !this.#entries.has(target) && !this.#isHeld(target, key));
    for (const [target] of freed) this.#held.delete(target);
    return freed.map(([target]) => target);
  }

  /** The targets that may go on now, in the order in which they came. */
  next(): readonly Answer<P>[] {
    const waiting = [...this.#entries].filter(([, { phase }]) => phase === "waiting");
    if (waiting.length === 0) return [];
    const answers = this.action.on === "one" ? this.#nextOfOne(waiting) : this.#nextOfAll(waiting);
    for (const { target, answer } of answers) {
      const entry = this.#entries.get(target) as Entry;
      entry.phase = "running";
      if (answer === "held") this.#held.set(target, entry.key);
    }
    return answers;
  }

  #nextOfOne(waiting: readonly (readonly [P, Entry])[]): readonly Answer<P>[] {
    const settled = waiting.flatMap(([target, { key }]): Answer<P>[] => {
      if (key <= this.#settled) return [{ target, answer: "done" }];
      return this.#isHeld(target, key) ? [{ target, answer: "held" }] : [];
    });
    if (settled.length > 0) return settled;
    const [first] = waiting;
    const isBusy = [...this.#entries.values()].some(({ phase }) => phase === "running");
    return first === undefined || isBusy ? [] : [{ target: first[0], answer: "run" }];
  }

  #nextOfAll(waiting: readonly (readonly [P, Entry])[]): readonly Answer<P>[] {
    const held = waiting.filter(([target, { key }]) => this.#isHeld(target, key));
    if (held.length > 0) return held.map(([target]) => ({ target, answer: "held" }));
    const first = [...this.#members.keys()].flatMap((target) => this.#turnOf(target) ?? []).toSorted(compareTurns)[0];
    return waiting.flatMap(([target]): Answer<P>[] => {
      const turn = this.#turnOf(target);
      const isFirst = turn === undefined || first === undefined || compareTurns(turn, first) <= 0;
      return isFirst ? [{ target, answer: "run" }] : [];
    });
  }

  /** A target of an earlier role failed, and the config lets the others wait for it; with `on: one`: another target failed. */
  #isHeld(target: P, key: number): boolean {
    if (this.action.on === "one") return key === this.#failed?.key && key > this.#settled;
    const stage = this.#stageOf(target);
    return [...this.#holders].some(([holder, at]) => at === key && holder !== target && this.#stageOf(holder) < stage);
  }

  /** Targets that others wait for, and that do not hold the files yet. */
  laggards(): readonly P[] {
    if (this.action.on === "one") return [];
    const last = [...this.#entries]
      .flatMap(([target, { phase }]) => (phase === "waiting" ? (this.#turnOf(target) ?? []) : []))
      .toSorted(compareTurns)
      .at(-1);
    if (last === undefined) return [];
    return [...this.#members.keys()].filter((target) => {
      const turn = this.#entries.has(target) ? undefined : this.#turnOf(target);
      return turn !== undefined && compareTurns(turn, last) < 0;
    });
  }

  get isWaiting(): boolean {
    return [...this.#entries.values()].some(({ phase }) => phase === "waiting");
  }

  /** `undefined`: nobody waits for this target. */
  #turnOf(target: P): Turn | undefined {
    const entry = this.#entries.get(target);
    if (entry !== undefined) return { key: entry.key, position: this.#positionOf(target, entry.step) };
    const member = this.#members.get(target);
    const key = this.#keys.at(-1) ?? 0;
    if (member === undefined || member.isOut || member.landed >= key || !takesPart(this.action, target))
      return undefined;
    return { key, position: stepCount(this.action) === 1 ? this.#stageOf(target) : -1 };
  }

  /** All stop together; then they start by role. */
  #positionOf(target: P, step: number): number {
    if (stepCount(this.action) === 1) return this.#stageOf(target);
    return step === 0 ? 0 : 1 + this.#stageOf(target);
  }

  /** Place of the role in `order`; those that it does not name are last. */
  #stageOf({ role }: P): number {
    const { order = [] } = this.action;
    const at = role === undefined ? -1 : order.indexOf(role);
    return at === -1 ? order.length : at;
  }
}

function compareTurns(one: Turn, other: Turn): number {
  return one.key - other.key || one.position - other.position;
}
