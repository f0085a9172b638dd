import { hasOtherFiles, type Snapshot } from "../snapshot.ts";
import { Barrier, decideBarrier, neededOf, type BarrierDecision } from "./barrier.ts";
import { Commits } from "./commits.ts";
import type { GangOptions } from "./gang-options.ts";
import {
  holdersOf,
  isOneRestarting,
  preparationOf,
  type GangPhase,
  type GangState,
  type GangTarget,
  type Offer,
} from "./gang-state.ts";

/**
 * Releases a snapshot when every current member has staged it: a candidate is prepared by all, and becomes the released snapshot at one
 * moment. A member that joins gets the released snapshot first, and takes part then. A later snapshot waits until the candidate is
 * released or given up.
 */
export class Gang<Target extends GangTarget> implements Disposable {
  readonly #options: GangOptions<Target>;
  #released: Snapshot | undefined;
  #candidate: Offer | undefined;
  #next: Offer | undefined;
  /** While there is a candidate. */
  #barrier: Barrier<Target> | undefined;
  #decision: BarrierDecision = "wait";
  /** The barrier would be open, but for members that are being restarted. */
  #awaitsRestarts = false;
  /** Of the released snapshot, until all have committed. */
  #commits: Commits<Target> | undefined;
  /** Not every member has committed the released snapshot, and a newer candidate came. */
  #isOwing = false;
  /** The last candidate, where it is not released. */
  #givenUp: { readonly offer: Offer; readonly state: GangState } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isLate = false;
  /** Changes that are one are in progress. */
  #depth = 0;
  #isOver = false;

  constructor(options: GangOptions<Target>) {
    this.#options = options;
  }

  /** The snapshot that every target should hold. */
  get released(): Snapshot | undefined {
    return this.#released;
  }

  /** The snapshot that every target should prepare; `undefined` where there is none. */
  get candidate(): Snapshot | undefined {
    return this.#candidate?.snapshot;
  }

  /** Commands that follow a commit may start: no member of the gang is committing. */
  get mayAct(): boolean {
    return this.#commits === undefined && !this.#isOwing;
  }

  /** The newest snapshot is not released; `given-up`: nothing but another one, or `retry`, changes that. */
  get heldBack(): "candidate" | "given-up" | undefined {
    if (this.#candidate !== undefined || this.#next !== undefined) return "candidate";
    return this.#givenUp === undefined ? undefined : "given-up";
  }

  /** How far it is; `undefined` where every member holds the newest snapshot. */
  get state(): GangState | undefined {
    if (this.#candidate !== undefined) {
      return this.#stateOf(this.#decision === "held" ? "held" : "preparing", this.#candidate);
    }
    return this.#commits === undefined ? this.#givenUp?.state : this.#commitState(this.#commits, "released");
  }

  /** Takes a newer snapshot, or the newest one with other halts. */
  offer(offer: Offer): void {
    const { number } = offer.snapshot;
    if (this.#candidate === undefined && this.#released?.number === number) {
      this.#released = offer.snapshot;
      this.#push();
      return;
    }
    this.#halt(offer.snapshot);
    if (this.#candidate !== undefined) {
      this.#next = offer;
      this.#evaluate();
    } else if (this.#givenUp?.offer.snapshot.number === number) {
      this.#givenUp = { ...this.#givenUp, offer };
    } else if (this.#commits?.isWaiting === true) this.#next = offer;
    else this.#start(offer);
  }

  /** Prepares again what was given up. */
  retry(): void {
    if (this.heldBack === "given-up" && this.#givenUp !== undefined) this.#start(this.#givenUp.offer);
  }

  /** A running target came or changed. */
  changed(target: Target): void {
    if (this.#isOver) return;
    if (this.#barrier !== undefined) {
      const isNews = this.#barrier.set(target, preparationOf(target, this.candidate));
      if (isNews || (this.#awaitsRestarts && !target.isRestarting)) this.#evaluate();
    } else if (this.#commits !== undefined) {
      this.#commits.changed(target);
      this.#evaluate();
    }
  }

  /** A running target ended. */
  left(target: Target): void {
    this.#barrier?.delete(target);
    this.#commits?.left(target);
    this.#evaluate();
  }

  /** Decides once, after all of these changes. */
  during(change: () => void = () => {}): void {
    this.#depth += 1;
    try {
      change();
    } finally {
      this.#depth -= 1;
    }
    this.#evaluate();
  }

  /** Files that are not released wait; that nothing may be sent is true at once. */
  #halt(next: Snapshot): void {
    if (this.#released === undefined) return;
    const halts = new Map(next.mappings.map(({ mapping, halted }) => [mapping.id, halted]));
    let isChanged = false;
    const mappings = this.#released.mappings.map((each) => {
      const halted = halts.get(each.mapping.id);
      if (each.halted === halted) return each;
      isChanged = true;
      return { ...each, halted };
    });
    if (!isChanged) return;
    this.#released = { ...this.#released, mappings };
    this.#push();
  }

  #start(offer: Offer): void {
    this.#candidate = offer;
    this.#next = undefined;
    this.#givenUp = undefined;
    this.#isOwing ||= this.#commits !== undefined;
    this.#commits = undefined;
    this.#decision = "wait";
    const barrier = new Barrier<Target>();
    this.#barrier = barrier;
    for (const target of this.#options.targets()) barrier.set(target, "preparing");
    this.#startTimer();
    this.#options.onState(this.#stateOf("preparing", offer));
    this.#push();
  }

  #evaluate(): void {
    if (this.#depth > 0 || this.#isOver) return;
    if (this.#barrier !== undefined && this.#candidate !== undefined) this.#decide(this.#barrier, this.#candidate);
    else if (this.#commits !== undefined) this.#checkCommits(this.#commits);
  }

  #decide(barrier: Barrier<Target>, candidate: Offer): void {
    const before = this.#decision;
    const { total, prepared, failing } = barrier.counts;
    // What a member owes of the snapshot before may keep its restart waiting.
    this.#awaitsRestarts = prepared + failing === total && !this.#isOwing && isOneRestarting(this.#options.targets());
    this.#decision = decideBarrier(barrier.counts, {
      quorum: this.#options.policy.quorum,
      isResolved: this.#options.isResolved(),
      isLate: this.#isLate,
      hasNext: this.#hasOtherNext(candidate),
      isRestarting: this.#awaitsRestarts,
    });
    switch (this.#decision) {
      case "wait":
        return;
      case "held":
        if (before !== "held") this.#options.onState(this.#stateOf("held", candidate));
        return;
      case "open":
        this.#open(candidate, barrier);
        return;
      case "replace":
      case "give-up":
        this.#giveUp(this.#stateOf("given-up", candidate), candidate);
    }
  }

  /** A candidate whose files are the same would not end what holds this one. */
  #hasOtherNext({ snapshot }: Offer): boolean {
    return this.#next !== undefined && hasOtherFiles(snapshot.mappings, this.#next.snapshot.mappings);
  }

  #open(candidate: Offer, barrier: Barrier<Target>): void {
    const former = this.#released;
    const { total } = barrier.counts;
    this.#released = candidate.snapshot;
    this.#candidate = undefined;
    this.#barrier = undefined;
    const commits = new Commits(candidate, { former, members: total, prepared: barrier.in("prepared") });
    this.#commits = commits;
    this.#isOwing = false;
    this.#startTimer();
    this.#options.onReleased(candidate, former);
    this.#options.onState(this.#commitState(commits, "released"));
    this.#push();
  }

  #checkCommits(commits: Commits<Target>): void {
    const { policy, onCommitted } = this.#options;
    if (policy.onFailure === "rollback" && commits.isBroken && commits.former !== undefined) {
      this.#rollBack(commits, commits.former);
      return;
    }
    const next = this.#next;
    if (commits.isComplete || this.#isLate) {
      this.#stopTimer();
      this.#commits = undefined;
      this.#options.onState(this.#commitState(commits, "committed"));
      onCommitted();
    } else if (commits.isWaiting) return;
    if (next !== undefined) this.#proceed(next);
  }

  /** All members go back, each by itself: their commits are not at one moment. */
  #rollBack(commits: Commits<Target>, former: Snapshot): void {
    const state = this.#commitState(commits, "rolled-back");
    this.#stopTimer();
    this.#commits = undefined;
    this.#released = former;
    this.#givenUp = { offer: commits.offer, state };
    this.#options.onState(state);
    this.#halt(commits.offer.snapshot);
    this.#continue();
  }

  #giveUp(state: GangState, candidate: Offer): void {
    this.#stopTimer();
    this.#candidate = undefined;
    this.#barrier = undefined;
    this.#isOwing = false;
    this.#givenUp = { offer: candidate, state };
    this.#options.onState(state);
    this.#continue();
  }

  /** With what waits; without it, the targets return to the released snapshot. */
  #continue(): void {
    if (this.#next !== undefined) this.#proceed(this.#next);
    else {
      this.#push();
      this.#options.onCommitted();
    }
  }

  #proceed(next: Offer): void {
    this.#next = undefined;
    this.offer(next);
  }

  #push(): void {
    this.during(this.#options.onPush);
  }

  #startTimer(): void {
    this.#stopTimer();
    const { timeoutMs } = this.#options.policy;
    if (timeoutMs === undefined) return;
    this.#timer = setTimeout(() => {
      this.#isLate = true;
      this.#evaluate();
    }, timeoutMs);
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#isLate = false;
  }

  #stateOf(phase: GangPhase, { snapshot: { number } }: Offer): GangState {
    const { total = 0, prepared = 0 } = this.#barrier?.counts ?? {};
    const needed = neededOf(this.#options.policy.quorum, total);
    const holders = [...(this.#barrier?.in("failing") ?? []), ...(this.#barrier?.in("preparing") ?? [])];
    return { phase, snapshot: number, prepared, needed, members: total, waitingFor: holdersOf(holders) };
  }

  #commitState({ offer, prepared, members, failing, waitingFor }: Commits<Target>, phase: GangPhase): GangState {
    const needed = neededOf(this.#options.policy.quorum, members);
    const holders = holdersOf(phase === "released" ? failing : waitingFor);
    return { phase, snapshot: offer.snapshot.number, prepared, needed, members, waitingFor: holders };
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}
