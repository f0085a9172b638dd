import type { ResolvedAction } from "../mapping/action.ts";
import type { ResolvedHooks, ResolvedRebuild } from "../mapping/local-actions.ts";
import type { GangPolicy } from "../mapping/gang-policy.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { ReleaseMode } from "../contract/config.ts";
import type { KubeObject } from "../contract/resource.ts";
import type { WorkloadRef } from "../resolve/resolution.ts";

/** A workload with every default filled in and its resource found by discovery. */
export interface ResolvedWorkload {
  /** As the user named it: `jobset/train`. */
  readonly name: string;
  readonly ref: WorkloadRef;
  /** The root as it was read to find it: saves a round trip. Default: not read. */
  readonly root?: KubeObject;
  readonly mappings: readonly ResolvedMapping[];
  readonly run: readonly ResolvedAction[];
  /** Its paths are ignored by every mapping. Default: no file needs a new image. */
  readonly rebuild?: ResolvedRebuild;
  /** Default: none. */
  readonly hooks?: ResolvedHooks;
  /** Whether each save is released, or changes collect until `trigger`. */
  readonly mode: ReleaseMode;
  /** All members get a snapshot at one moment. Default: each gets it as soon as it can. */
  readonly gang?: GangPolicy;
}
