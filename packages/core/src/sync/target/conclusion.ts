import type { KinsyncError } from "../../errors/error.ts";
import type { DesiredState } from "./desired-state.ts";
import type { Pending } from "./follow.ts";
import type { TargetStatus } from "./status.ts";

/** What a pass found that did not fail. */
export interface Findings {
  /** The candidate that the target is prepared for. */
  readonly candidate: DesiredState | undefined;
  /** A root that another target writes and that does not hold its tree yet. */
  readonly pending: Pending | undefined;
  /** Why files that were handed over may not be visible. */
  readonly notVisible: string | undefined;
}

/** The status of a target after such a pass. */
export interface Conclusion {
  readonly status: TargetStatus;
  readonly reason: string;
  readonly error?: KinsyncError | undefined;
  /** The target holds its desired state, and there is one. */
  readonly holds: boolean;
}

/** Concludes what a target shows. Pure. */
export function conclude(desired: DesiredState, { candidate, pending, notVisible }: Findings): Conclusion {
  if (pending !== undefined && pending.status !== "accepted") return { ...pending, holds: false };
  const [halted] = desired.halted;
  const holds = halted !== undefined || desired.roots.length > 0;
  if (candidate !== undefined) {
    const reason = `prepared for snapshot ${candidate.snapshot}; waiting for the other members`;
    return { status: "syncing", reason, holds };
  }
  if (!holds) return { status: "waiting", reason: "reading the local files", holds };
  if (halted !== undefined) return { status: "halted", reason: halted.reason, holds };
  if (notVisible !== undefined) return { status: "accepted", reason: notVisible, holds };
  if (pending !== undefined) return { status: pending.status, reason: pending.reason, holds };
  return { status: "synced", reason: "holds the newest snapshot", holds };
}
