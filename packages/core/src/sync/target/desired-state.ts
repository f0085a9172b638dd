import type { RootSpec } from "../../contract/transport.ts";
import { KinsyncError } from "../../errors/error.ts";
import type { ContentStore } from "../../mapping/content-store.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import type { Tree } from "../../mapping/tree.ts";
import type { PlanOptions } from "../plan/plan-options.ts";

/** How another target writes a mapped root for this one: their files are the same bytes. */
export interface Following {
  /** `pod/NAME, container NAME` of the target that writes. */
  readonly leader: string;
  /** Digest of the tree that the leader's last commit put there, as it was acknowledged. */
  readonly held: string | undefined;
  /** Status and reason of the leader where the files are not simply on their way. */
  readonly problem: FollowingProblem | undefined;
  /**
   * Incarnation of the leader's container, which its marker names. `undefined`: the leader has not committed yet. `isSure`: both roots
   * lie in one container, so there is nothing to check.
   */
  readonly incarnation: string | undefined;
  readonly isSure: boolean;
  /** Changes when a target takes the lead that has not proved that it has the former leader's files. */
  readonly epoch: number;
}

export interface FollowingProblem {
  readonly status: "stale" | "failed" | "halted" | "accepted";
  readonly reason: string;
  readonly error: KinsyncError | undefined;
}

/** What one mapped root of a target should hold. */
export interface DesiredRoot {
  readonly mapping: ResolvedMapping;
  readonly spec: RootSpec;
  /** Without the paths that a more specific mapping overrides. */
  readonly tree: Tree;
  readonly content: ContentStore;
  /** `performance.now()` of the moment in which this tree settled. */
  readonly settledAt: number;
  /** Paths that this mapping neither writes nor deletes: ignored ones, and those that a more specific mapping overrides. */
  readonly isExcluded: (path: string, isDirectory: boolean) => boolean;
  /** Identity of the bytes, where several targets have them. */
  readonly place?: string;
  /** Another target writes this root. Absent: the target itself does. */
  readonly follows?: Following;
  /** Why nothing may be written here: another mapping of this run owns these files. */
  readonly refused?: KinsyncError;
}

/** What a plan of this root may touch. */
export function planScope({ mapping, spec, isExcluded }: DesiredRoot): Omit<PlanOptions, "modes"> {
  const isFile = spec.shape === "file";
  // The folder of a mapped single file is not kinsync's: there is nothing to mirror. Without a name nothing is planned at all.
  return { mirror: mapping.mirror && !isFile, only: isFile ? (spec.fileName ?? "") : undefined, isExcluded };
}

/** A mapping whose local files may not be sent. */
export interface HaltedMapping {
  readonly mapping: ResolvedMapping;
  readonly reason: string;
}

/**
 * What one target should hold: the released snapshot, projected onto it. Immutable; targets that should hold the same share one
 * object. The engine pushes it to the worker, which pulls nothing.
 */
export interface DesiredState {
  /** Number of the released snapshot; 0 before the first. */
  readonly snapshot: number;
  /** All mappings of the target, in the order of the config. */
  readonly mappings: readonly ResolvedMapping[];
  /** Mapped roots with a desired tree. Empty before the first snapshot. */
  readonly roots: readonly DesiredRoot[];
  readonly halted: readonly HaltedMapping[];
  /** Two mappings have the same container path: nothing is sent. */
  readonly conflict: KinsyncError | undefined;
  /** Equal keys mean the same bytes at the same paths. */
  readonly key: string;
}

/** The mapping whose transport opens the first session and runs commands. */
export function firstMapping({ mappings: [first] }: Pick<DesiredState, "mappings">): ResolvedMapping {
  if (first === undefined) throw new KinsyncError("KINSYNC_INTERNAL", "a target has no mapping");
  return first;
}
