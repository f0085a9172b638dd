import type { RunAction } from "../contract/action.ts";
import type { ClusterConnection } from "../contract/cluster.ts";
import type { KindPlugin } from "../contract/kind.ts";
import type { TransportPlugin } from "../contract/transport.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { Resolution, WorkloadRef } from "../resolve/resolution.ts";
import type { TargetStatus } from "../sync/target/status.ts";
import type { EngineEvent, SummaryEvent } from "./events.ts";

/** A workload with every default filled in and its name made whole by discovery. */
export interface ResolvedWorkload {
  /** As the user named it. */
  readonly name: string;
  readonly ref: WorkloadRef;
  readonly mappings: readonly ResolvedMapping[];
  readonly run: readonly RunAction[];
}

export interface EngineOptions {
  readonly cluster: ClusterConnection;
  readonly kinds: readonly KindPlugin[];
  readonly transports: readonly TransportPlugin[];
  readonly workloads: readonly ResolvedWorkload[];
  /** Id of this run, random; and who it is, for people: `ada@laptop`. Both go into the markers. */
  readonly runId: string;
  readonly owner: string;
  /** `watch`: until the signal; `once`: until every eligible target holds the newest tree or needs the user. */
  readonly mode: "watch" | "once";
  /**
   * Milliseconds that `once` waits for eligible containers to run, and for targets that are tried again. A transfer that
   * moves is not cut off by it. Default: 60,000.
   */
  readonly wait?: number;
  /** An empty source is meant: sync it. Default: `false`. */
  readonly allowEmpty?: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (event: EngineEvent) => void;
}

/** One target as a live table shows it. */
export interface TargetView {
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  readonly containerId: string | undefined;
  readonly status: TargetStatus;
  /** Lowest snapshot that all its mappings hold; `undefined` before the first. */
  readonly snapshot: number | undefined;
  readonly files: number;
  /** Milliseconds of the last batch. */
  readonly duration: number | undefined;
  readonly reason: string;
}

export interface EngineView {
  readonly workloads: readonly {
    readonly name: string;
    readonly resolution: Resolution | undefined;
    readonly targets: readonly TargetView[];
    readonly snapshot: number;
  }[];
}

/** Wires watch, resolve and sync for some workloads. */
export interface Engine extends AsyncDisposable {
  /** Runs until its mode says that it is done; resolves with one summary per workload, also when interrupted. */
  run(): Promise<readonly SummaryEvent[]>;
  /** The present state, for tables. */
  view(): EngineView;
}
