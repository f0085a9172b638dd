import type { ResolvedAction } from "../mapping/action.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { ReleaseMode } from "../contract/config.ts";
import type { WorkloadRef } from "../resolve/resolution.ts";

/** A workload with every default filled in and its resource found by discovery. */
export interface ResolvedWorkload {
  /** As the user named it: `jobset/train`. */
  readonly name: string;
  readonly ref: WorkloadRef;
  readonly mappings: readonly ResolvedMapping[];
  readonly run: readonly ResolvedAction[];
  /** Whether each save is released, or changes collect until `trigger`. */
  readonly mode: ReleaseMode;
}
