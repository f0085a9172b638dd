import { basename } from "node:path";
import type { ErrorCode } from "../../errors/codes.ts";
import type { ResolvedAction } from "../../mapping/action.ts";
import { diffTrees } from "../../mapping/tree.ts";
import { isDueAfter } from "../../sync/actions/due.ts";
import { stepCount } from "../../sync/actions/steps.ts";
import type { ActionTurns, TurnAnswer } from "../../sync/actions/turns.ts";
import type { TargetStatus } from "../../sync/target/status.ts";
import type { SnapshotChange } from "../snapshot.ts";
import { ActionRound, type Participant, type ParticipantState } from "./action-round.ts";

/** Time that targets get to hold the files that others wait with. */
const LATE_MS = 30_000;

/** Reports something about the workload. */
type OnNote = (code: ErrorCode, reason: string) => void;

/** A target whose actions are coordinated. */
export interface ActionTarget extends Participant {
  /** What kept an action from running here no longer does. */
  onFree(action: ResolvedAction): void;
}

/** An action in which the members depend on each other: any one, role after role, or stop and start together. */
export function isCoordinated(action: ResolvedAction): boolean {
  return action.on === "one" || action.order !== undefined || stepCount(action) > 1;
}

/** @returns `undefined` where no action depends on other targets */
export function createCoordinator(actions: readonly ResolvedAction[], onNote: OnNote): ActionCoordinator | undefined {
  const coordinated = actions.filter(isCoordinated);
  return coordinated.length === 0 ? undefined : new ActionCoordinator(coordinated, onNote);
}

/**
 * Joins the actions of one workload's targets where they depend on each other. A target that ends, that needs the user, or that is not
 * ready in time, keeps nobody waiting.
 */
export class ActionCoordinator implements Disposable {
  readonly #onNote: OnNote;
  readonly #members = new Map<ActionTarget, ParticipantState>();
  readonly #rounds: ReadonlyMap<ResolvedAction, ActionRound<ActionTarget>>;
  readonly #waiting = new Map<ResolvedAction, Map<ActionTarget, (answer: TurnAnswer) => void>>();
  #timer: NodeJS.Timeout | undefined;
  #isDue = false;
  #isOver = false;

  constructor(actions: readonly ResolvedAction[], onNote: OnNote) {
    this.#onNote = onNote;
    this.#rounds = new Map(actions.map((action) => [action, new ActionRound(action, this.#members)]));
  }

  /** A target began. */
  add(target: ActionTarget): void {
    this.#members.set(target, { landed: 0, isOut: false });
  }

  /** A target ended. */
  remove(target: ActionTarget): void {
    if (!this.#members.delete(target)) return;
    for (const round of this.#rounds.values()) round.remove(target);
    for (const waiting of this.#waiting.values()) {
      waiting.get(target)?.("over");
      waiting.delete(target);
    }
    this.#soon();
  }

  /** A snapshot was released: who has not landed it yet will. */
  released(snapshot: number, changes: readonly SnapshotChange[]): void {
    const paths = changes.flatMap(({ mapping, before, after }) => {
      if (after.tree === undefined) return [];
      const changed = diffTrees(before?.tree, after.tree);
      return after.tree.shape === "file" ? changed.map(() => basename(mapping.from)) : changed;
    });
    for (const round of this.#rounds.values()) if (isDueAfter(round.action, paths)) round.touched(snapshot);
  }

  /** The actions that are due after this snapshot in a target are queued. */
  landed(target: ActionTarget, snapshot: number): void {
    const member = this.#members.get(target);
    if (member === undefined || (member.landed === snapshot && !member.isOut)) return;
    member.landed = snapshot;
    member.isOut = false;
    this.#soon();
  }

  status(target: ActionTarget, status: TargetStatus): void {
    const member = this.#members.get(target);
    if (member === undefined || (status !== "failed" && status !== "halted")) return;
    member.isOut = true;
    this.#soon();
  }

  /** Failures of a target no longer hold others. */
  dismiss(target: ActionTarget): void {
    for (const round of this.#rounds.values()) round.dismiss(target);
  }

  /** The turns of one target. */
  turnsOf(target: ActionTarget): ActionTurns {
    return {
      depends: (action) => this.#rounds.has(action),
      queue: (actions) => {
        for (const action of actions) this.#rounds.get(action)?.queue(target);
      },
      enter: (action, step) => this.#enter(target, action, step),
      leave: (action, how) => {
        this.#rounds.get(action)?.leave(target, how);
        this.#soon();
      },
    };
  }

  #enter(target: ActionTarget, action: ResolvedAction, step: number): Promise<TurnAnswer> {
    if (this.#isOver || !this.#members.has(target)) return Promise.resolve("over");
    this.#rounds.get(action)?.wait(target, step);
    const { promise, resolve } = Promise.withResolvers<TurnAnswer>();
    let waiting = this.#waiting.get(action);
    if (waiting === undefined) this.#waiting.set(action, (waiting = new Map()));
    waiting.set(target, resolve);
    this.#soon();
    return promise;
  }

  /** Decides again, once for all changes of this moment. */
  #soon(): void {
    if (this.#isDue || this.#isOver) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#decide();
    });
  }

  #decide(): void {
    for (const [action, round] of this.#rounds) {
      const waiting = this.#waiting.get(action);
      for (const { target, answer } of round.next()) {
        waiting?.get(target)?.(answer);
        waiting?.delete(target);
      }
    }
    for (const [action, round] of this.#rounds) for (const target of round.freed()) target.onFree(action);
    const isWaiting = [...this.#rounds.values()].some((round) => round.isWaiting);
    if (!isWaiting) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } else if (!this.#isOver) this.#timer ??= setTimeout(() => this.#goOn(), LATE_MS);
  }

  /** The others go on without those that are not ready. */
  #goOn(): void {
    this.#timer = undefined;
    const late = [...this.#rounds.values()].map((round) => ({ round, laggards: round.laggards() }));
    for (const { round, laggards } of late) {
      for (const target of laggards) {
        (this.#members.get(target) as ParticipantState).isOut = true;
        const what = stepCount(round.action) > 1 ? "the restart" : "a command of all members";
        this.#onNote(
          "KINSYNC_RUN_LATE",
          `${target.name} does not hold the files after ${LATE_MS / 1000} s: ${what} goes on without it`,
        );
      }
    }
    this.#soon();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const waiting of this.#waiting.values()) for (const answer of waiting.values()) answer("over");
    this.#waiting.clear();
  }
}
