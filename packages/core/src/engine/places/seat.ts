import type { KinsyncError } from "../../errors/error.ts";
import type { FollowingProblem } from "../../sync/target/desired-state.ts";
import type { TargetStatus } from "../../sync/target/status.ts";
import type { PlaceMember, Seat } from "./place-group.ts";

export function newSeat(member: PlaceMember): Seat {
  return {
    member,
    claims: [],
    unfitUntil: 0,
    timer: undefined,
    isTaken: false,
    problem: undefined,
    incarnation: undefined,
  };
}

/** What a target that follows another one inherits of its status; `undefined`: nothing. */
export function problemOf(
  status: TargetStatus,
  reason: string,
  error: KinsyncError | undefined,
): FollowingProblem | undefined {
  // A target that is halted without an error has a mapping without local files.
  if (status === "halted" && error === undefined) return undefined;
  if (status === "stale" || status === "failed" || status === "halted" || status === "accepted") {
    return { status, reason, error };
  }
  return undefined;
}
