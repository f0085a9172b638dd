import type { MemberChoice } from "../resolve/select/fitting-members.ts";

/** A port of a member, and where it is opened on this machine. */
export interface ForwardRule extends MemberChoice {
  /** Port in the pod. */
  readonly port: number;
  /** Default: the same as `port`; 0: one that is free. */
  readonly localPort?: number | undefined;
  /** Default: `127.0.0.1`, which other machines do not reach. */
  readonly address?: string | undefined;
  /** Only the member with this index. Default: the lowest. */
  readonly index?: string | undefined;
}

/** Default of `ForwardRule.address`. */
export const LOOPBACK = "127.0.0.1";
