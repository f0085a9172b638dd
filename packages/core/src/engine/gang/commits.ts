import type { Snapshot } from "../snapshot.ts";
import type { GangTarget, Offer } from "./gang-state.ts";

export interface CommitsOptions<Target> {
  /** What was released before. */
  readonly former: Snapshot | undefined;
  /** Members that ran when the barrier opened. */
  readonly members: number;
  /** Those that had staged it. The others are brought up to date by themselves. */
  readonly prepared: readonly Target[];
}

/** The members that commit a snapshot after the barrier has opened, until all have. */
export class Commits<Target extends GangTarget> {
  readonly offer: Offer;
  readonly former: Snapshot | undefined;
  readonly members: number;
  /** Members that were prepared. */
  readonly prepared: number;
  readonly #left: Set<Target>;
  readonly #failing = new Set<Target>();
  /** Members that ended before they had committed. */
  readonly #lost: Target[] = [];

  constructor(offer: Offer, { former, members, prepared }: CommitsOptions<Target>) {
    this.offer = offer;
    this.former = former;
    this.members = members;
    this.prepared = prepared.length;
    this.#left = new Set(prepared);
  }

  /** Every member that was prepared holds the snapshot, or no longer exists. */
  get isComplete(): boolean {
    return this.#left.size === 0;
  }

  /** Members commit. False: those that are left fail. */
  get isWaiting(): boolean {
    return this.#left.size > this.#failing.size;
  }

  /** A member failed to commit, or ended before it had. */
  get isBroken(): boolean {
    return this.#failing.size > 0 || this.#lost.length > 0;
  }

  /** Members whose commit failed; another attempt may follow. */
  get failing(): readonly Target[] {
    return [...this.#failing];
  }

  /** Members that have not committed. */
  get waitingFor(): readonly Target[] {
    return [...this.#lost, ...this.#left];
  }

  changed(target: Target): void {
    if (!this.#left.has(target)) return;
    const { status, snapshot } = target;
    if (snapshot === this.offer.snapshot.number) {
      this.#left.delete(target);
      this.#failing.delete(target);
    } else if (status === "stale" || status === "failed" || status === "halted") this.#failing.add(target);
    else this.#failing.delete(target);
  }

  left(target: Target): void {
    if (!this.#left.delete(target)) return;
    this.#failing.delete(target);
    this.#lost.push(target);
  }
}
