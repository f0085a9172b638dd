import type { ModePolicy } from "./modes.ts";

/** How a plan is made. */
export interface PlanOptions {
  /** Which mode bits are compared and changed. */
  readonly modes: ModePolicy;
  /** Also delete files that are not kinsync's. */
  readonly mirror: boolean;
  /** The only path that may be planned: the name of a mapped single file. `undefined` for a folder. */
  readonly only: string | undefined;
  /** Paths outside of this mapping: ignored ones, and those that a more specific mapping overrides. */
  readonly isExcluded: (path: string, isDirectory: boolean) => boolean;
}
