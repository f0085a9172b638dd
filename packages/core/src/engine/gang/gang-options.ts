import type { GangPolicy } from "../../mapping/gang-policy.ts";
import type { Snapshot } from "../snapshot.ts";
import type { GangState, GangTarget, Offer } from "./gang-state.ts";

export interface GangOptions<Target extends GangTarget> {
  readonly policy: GangPolicy;
  /** All running targets. */
  readonly targets: () => Iterable<Target>;
  /** The members are known. */
  readonly isResolved: () => boolean;
  /** Pushes the released snapshot and the candidate to all targets. */
  readonly onPush: () => void;
  readonly onReleased: (offer: Offer, previous: Snapshot | undefined) => void;
  readonly onState: (state: GangState) => void;
  /** All members have committed: what follows a commit may start. */
  readonly onCommitted: () => void;
}
