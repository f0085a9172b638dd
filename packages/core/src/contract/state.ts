/**
 * States that a kind gives to a pod that the root owns.
 *
 * - `current`: of the root's current revision or attempt, and alive.
 * - `kept`: of an older revision that the root's spec keeps on purpose (partition, OnDelete, the stable side of a canary).
 * - `superseded`: alive, but of a revision or attempt that the controller is replacing.
 * - `terminating`: `deletionTimestamp` is set, or the pod goes with an owner that is being deleted.
 * - `finished`: phase Succeeded or Failed.
 * - `helper`: owned, but no part of the workload's work.
 * - `unsettled`: not known yet. The engine keeps the pod's previous state; a pod without one gets no files.
 */
export const MEMBER_STATES = Object.freeze([
  "current",
  "kept",
  "superseded",
  "terminating",
  "finished",
  "helper",
  "unsettled",
] as const);

/** One of `MEMBER_STATES`. */
export type MemberState = (typeof MEMBER_STATES)[number];

/** Members in these states get files unless a mapping lists other states. */
export const ELIGIBLE_STATES: readonly MemberState[] = Object.freeze(["current", "kept"] as const);

const STATES: ReadonlySet<unknown> = new Set(MEMBER_STATES);

/** True if the value is one of `MEMBER_STATES`. */
export function isMemberState(value: unknown): value is MemberState {
  return STATES.has(value);
}
