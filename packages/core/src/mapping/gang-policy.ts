import type { GangFailure, Quorum } from "../contract/config.ts";

/** How a gang gets a snapshot, with every default filled in. */
export interface GangPolicy {
  /** How many members have to be prepared. */
  readonly quorum: Quorum;
  /** Milliseconds that a candidate has until it is released, and its members until all of them have committed; `undefined`: no limit. */
  readonly timeoutMs: number | undefined;
  /** What happens when a member that was prepared does not commit. */
  readonly onFailure: GangFailure;
}
