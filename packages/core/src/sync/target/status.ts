/**
 * Status of a target. `waiting`: not connected, or nothing to send yet. `syncing`: a batch is on its way. `accepted`: handed over, and
 * not known to be visible in the container yet. `synced`: the target holds the released snapshot. `stale`: behind, will be retried. `failed`: needs the user. `halted`: stopped on purpose.
 */
export type TargetStatus = "waiting" | "syncing" | "accepted" | "synced" | "stale" | "failed" | "halted";
