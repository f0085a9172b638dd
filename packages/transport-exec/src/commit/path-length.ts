import { KinsyncError } from "@kinsync/core/contract";
import type { RootLocation } from "../protocol/agent-protocol.ts";
import { oneLine } from "../stream/one-line.ts";
import type { CommitPlan } from "./commit-plan.ts";

/** Limit of Linux for the path of one system call: 4,096 bytes, of which one ends it. */
const MAX_PATH_BYTES = 4_095;
/** What agents put around a path: a folder for staged files in front of it, and a suffix. The longest is that of sh in `/var/tmp`. */
const MAX_ADDED_BYTES = 80;

/** Lengths of the longest path by plan: targets that receive the same plan share them. */
const longestPaths = new WeakMap<CommitPlan, { readonly path: string; readonly bytes: number }>();

/**
 * Refuses a batch with a path that no agent could name, before anything of it is sent. All agents have the same limit.
 * @throws `KINSYNC_TARGET_PATH`
 */
export function checkPathLengths(plan: CommitPlan, { root, state }: RootLocation): void {
  let longest = longestPaths.get(plan);
  if (longest === undefined) longestPaths.set(plan, (longest = longestPath(plan)));
  const added = Math.max(Buffer.byteLength(root), Buffer.byteLength(state)) + MAX_ADDED_BYTES;
  if (longest.bytes + added <= MAX_PATH_BYTES) return;
  const limit = MAX_PATH_BYTES - added;
  throw new KinsyncError(
    "KINSYNC_TARGET_PATH",
    `${oneLine(longest.path)} has ${longest.bytes} bytes, and a path below ${oneLine(root)} can have ${limit} at most`,
    { hint: "Shorten the path, or exclude it with `ignore`.", details: { path: longest.path } },
  );
}

function longestPath({ steps }: CommitPlan): { readonly path: string; readonly bytes: number } {
  let longest = { path: "", bytes: 0 };
  for (const { path } of steps) {
    // A character has three bytes at most for each of its UTF-16 units.
    if (path.length * 3 <= longest.bytes) continue;
    const bytes = Buffer.byteLength(path);
    if (bytes > longest.bytes) longest = { path, bytes };
  }
  return longest;
}
