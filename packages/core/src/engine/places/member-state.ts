import type { KinsyncError } from "../../errors/error.ts";
import type { FollowingProblem } from "../../sync/target/desired-state.ts";
import type { TargetStatus } from "../../sync/target/status.ts";
import type { PlaceMember } from "./member.ts";
import type { Claim } from "./place-group.ts";

const NONE: readonly never[] = Object.freeze([]);

/** What the places know of one target. */
export interface MemberState {
  readonly member: PlaceMember;
  /** One for each mapped root. */
  claims: readonly Claim[];
  /** `performance.now()` until which it is not chosen to lead. Infinity: until its desired state differs, or the user retries. */
  unfitUntil: number;
  /** When it may be chosen again. */
  timer: NodeJS.Timeout | undefined;
  /** Another run owns it: it is never chosen again while another target is left. */
  isTaken: boolean;
  problem: FollowingProblem | undefined;
  incarnation: string | undefined;
}

export function newState(member: PlaceMember): MemberState {
  return {
    member,
    claims: NONE,
    unfitUntil: 0,
    timer: undefined,
    isTaken: false,
    problem: undefined,
    incarnation: undefined,
  };
}

/** The status of a target, as those show it that wait for its commits; `undefined` where the files are simply on their way. */
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
