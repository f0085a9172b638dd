import type { KindPlugin } from "../contract/kind.ts";
import type { TransportCapabilities } from "../contract/capabilities.ts";
import type { KeptContent } from "../local/kept/content-cache.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { WorkloadWatch } from "../resolve/members/watch-options.ts";
import type { MemberChange, Resolution } from "../resolve/resolution.ts";
import type { ArchivePool } from "../sync/archive/archive-pool.ts";
import type { EngineEvent } from "./events.ts";
import type { CreateSource } from "./mapping-files.ts";
import type { OpenSession } from "./open-session.ts";
import type { EngineOptions } from "./options.ts";
import type { ResolvedWorkload } from "./resolved-workload.ts";
import type { Places } from "./places/places.ts";
import type { PlaceOfRoot } from "./places/target-places.ts";

/** Called by a watch of members with each answer and exactly the members that changed since the last one. */
export type OnResolution = (resolution: Resolution, changes: readonly MemberChange[]) => void;

/** The engine's own reaction to an answer, and then that of the program that runs the engine. */
export function withObserver(
  own: OnResolution,
  workload: ResolvedWorkload,
  observe: EngineOptions["onMembers"],
): OnResolution {
  if (observe === undefined) return own;
  return (resolution, changes) => {
    own(resolution, changes);
    observe(workload, changes, resolution);
  };
}

export interface WorkloadEngineOptions {
  readonly workload: ResolvedWorkload;
  readonly kind: KindPlugin | undefined;
  readonly archives: ArchivePool;
  readonly watch: (onResolution: OnResolution) => WorkloadWatch;
  readonly createSource: CreateSource;
  readonly capabilities: (mapping: ResolvedMapping) => TransportCapabilities;
  readonly open: OpenSession;
  readonly placeOf: PlaceOfRoot;
  /** Of the whole run. */
  readonly places: Places;
  /** Position of the workload in the run. */
  readonly rank: number;
  readonly runId: string;
  /** ISO 8601: when this run began, or took targets back. */
  readonly since: () => string;
  readonly allowEmpty: boolean;
  /** Copies of files of earlier snapshots. */
  readonly kept: KeptContent | undefined;
  readonly consent: Pick<EngineOptions, "host" | "deletes" | "allowedDeletes" | "onDeletes">;
  readonly signal: AbortSignal;
  readonly onEvent: (event: EngineEvent) => void;
  /** `progress` may differ. */
  readonly onChange: () => void;
}
