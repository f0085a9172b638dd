import { openChokidar, type OpenFileEvents } from "./watch/file-events.ts";

/** Times and events that tests replace. */
export interface SourceTuning {
  /** Default: the operating system's events, by chokidar. */
  readonly openEvents?: OpenFileEvents;
  /** Time between two checks of the source itself and of the clock. Default: 1,000. */
  readonly heartbeatMs?: number;
  /** Time that a single file may be missing before it counts as deleted. Default: 2,000. */
  readonly graceMs?: number;
  /** Time that a truncated file may stay empty before its emptiness counts. Default: 150. */
  readonly truncatedMs?: number;
  /** Time between full scans where events arrive. Default: 180,000. */
  readonly fullScanMs?: number;
}

export const DEFAULT_TUNING: Required<SourceTuning> = {
  openEvents: openChokidar,
  heartbeatMs: 1_000,
  graceMs: 2_000,
  truncatedMs: 150,
  fullScanMs: 180_000,
};
