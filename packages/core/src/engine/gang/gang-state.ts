import type { Preparation, PreparedCandidate } from "../../sync/target/ahead.ts";
import type { TargetStatus } from "../../sync/target/status.ts";
import type { Origin } from "../history.ts";
import type { Snapshot } from "../snapshot.ts";

/** A running target, as its gang sees it. */
export interface GangTarget {
  /** `pod/NAME, container NAME`. */
  readonly name: string;
  readonly preparation: PreparedCandidate | undefined;
  readonly status: TargetStatus;
  readonly reason: string;
  /** Number of the last snapshot that it completely held. */
  readonly snapshot: number | undefined;
  /** Its process is being stopped or started. */
  readonly isRestarting: boolean;
}

/** A snapshot, and how it came about. */
export interface Offer {
  readonly snapshot: Snapshot;
  readonly origin: Origin;
  /** Number of the snapshot whose files an `undo` brings back. */
  readonly of: number | undefined;
}

/** A member that the others wait for. */
export interface GangHolder {
  /** `pod/NAME, container NAME`. */
  readonly target: string;
  readonly reason: string;
}

/**
 * What a gang does with a snapshot. `preparing`: its members stage it. `held`: the members in `waitingFor` cannot, and the others wait.
 * `released`: the members that are prepared commit. `committed`: they have, or `waitingFor` did not within the time. `given-up`: it is not
 * released. `rolled-back`: a member did not commit it, and all go back to the snapshot before.
 */
export type GangPhase = "preparing" | "held" | "released" | "committed" | "given-up" | "rolled-back";

/** How far a gang is with a snapshot. */
export interface GangState {
  readonly phase: GangPhase;
  /** Number of the snapshot. */
  readonly snapshot: number;
  /** Members that have staged it, those that have to, and all that run. */
  readonly prepared: number;
  readonly needed: number;
  readonly members: number;
  /** Those that the others wait for, or waited for. At most 20. */
  readonly waitingFor: readonly GangHolder[];
}

const MAX_HOLDERS = 20;

export function holdersOf(targets: readonly GangTarget[]): readonly GangHolder[] {
  return targets.slice(0, MAX_HOLDERS).map(({ name, reason }) => ({ target: name, reason }));
}

/** How far a target is with a candidate. One that it has not received yet is to be prepared. */
export function preparationOf({ preparation }: GangTarget, candidate: Snapshot | undefined): Preparation {
  return preparation?.snapshot === candidate?.number ? (preparation?.state ?? "preparing") : "preparing";
}

export function isOneRestarting(targets: Iterable<GangTarget>): boolean {
  for (const target of targets) if (target.isRestarting) return true;
  return false;
}
