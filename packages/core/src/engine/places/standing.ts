import type { Following } from "../../sync/target/desired-state.ts";
import type { Claim } from "./place-group.ts";

/** What a target needs to know about one of its mapped roots. */
export interface Standing {
  /** Identity of the bytes, also for people. */
  readonly id: string;
  /** Name of the root's part of the state directory. */
  readonly key: string;
  /** Paths that more specific mappings of any target override. */
  readonly overridden: readonly string[];
  /** Other targets that have the same files. */
  readonly sharedWith: number;
  /** Pods that have the same files, with this one. */
  readonly members: number;
  /** Absent: this target writes. */
  readonly follows: Following | undefined;
  /** The mapping that owns the place, where this one may not write it. */
  readonly refusedBy: Claim | undefined;
}
