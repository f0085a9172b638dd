import type { KinsyncError } from "../errors/error.ts";
import type { ForwardRule } from "./forward-rule.ts";

/** A local port is open. */
export interface ForwardOpened {
  readonly type: "opened";
  readonly rule: ForwardRule;
  readonly address: string;
  /** The one that was chosen, if the rule leaves it open. */
  readonly localPort: number;
}

/** The member that new connections go to now; `undefined`: there is none, and a new connection waits for a while. */
export interface ForwardTarget {
  readonly type: "target";
  readonly rule: ForwardRule;
  readonly member:
    | {
        readonly namespace: string;
        readonly pod: string;
        readonly uid: string;
        readonly role?: string;
        readonly index?: string;
      }
    | undefined;
  /** Number of members that the rule fits; the one with the lowest index is the target. */
  readonly candidates: number;
}

/** A connection could not be made. */
export interface ForwardFailed {
  readonly type: "failed";
  readonly rule: ForwardRule;
  readonly error: KinsyncError;
}

/** What happens to the forwarded ports of a workload. */
export type ForwardEvent = ForwardOpened | ForwardTarget | ForwardFailed;
