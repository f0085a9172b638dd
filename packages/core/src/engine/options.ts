import type { ClusterConnection } from "../contract/cluster.ts";
import type { KindPlugin } from "../contract/kind.ts";
import type { TransportPlugin } from "../contract/transport.ts";
import type { ResolvedAction } from "../mapping/action.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { Resolution, WorkloadRef } from "../resolve/resolution.ts";
import type { TargetStatus } from "../sync/target/status.ts";
import type { EngineCommands } from "./commands.ts";
import type { EngineEvent, SummaryEvent } from "./events.ts";
import type { CreateSource } from "./mapping-files.ts";
import type { Outcome } from "./outcome.ts";

/** A workload with every default filled in and its resource found by discovery. */
export interface ResolvedWorkload {
  /** As the user named it: `jobset/train`. */
  readonly name: string;
  readonly ref: WorkloadRef;
  readonly mappings: readonly ResolvedMapping[];
  readonly run: readonly ResolvedAction[];
}

export interface EngineOptions {
  readonly cluster: ClusterConnection;
  readonly kinds: readonly KindPlugin[];
  readonly transports: readonly TransportPlugin[];
  readonly workloads: readonly ResolvedWorkload[];
  /** Id of this run; goes into the markers in the containers. Default: random. */
  readonly runId?: string;
  /** User and machine of the run, for people: `ada@laptop`; goes into the markers. Default: `unknown`. */
  readonly owner?: string;
  /** `watch`: until the signal; `once`: until every eligible target holds the newest snapshot or needs the user. */
  readonly mode: "watch" | "once";
  /**
   * Milliseconds that `once` waits for eligible containers to run, and for targets with another attempt due. A transfer with
   * progress is not cut off. Default: 60,000.
   */
  readonly wait?: number;
  /** An empty source folder is intended: all synced files are deleted. Default: `false`. */
  readonly allowEmpty?: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (event: EngineEvent) => void;
  /** Makes the local side of a mapping. Default: files on disk, watched. */
  readonly createSource?: CreateSource;
}

/** A mapped root whose files other targets have, too. */
export interface SharedRootView {
  /** Id of the mapping. */
  readonly mapping: string;
  /** Where the files are: `pvc:ml/code:/`. */
  readonly place: string;
  /** Number of other targets. */
  readonly sharedWith: number;
  /** Number of members, with its own. */
  readonly members: number;
  /** The target that writes them, if it is another one: `pod/web-0, container main`. */
  readonly through?: string;
}

/** One container that should hold files, as a live table shows it. */
export interface TargetView {
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  /** `undefined` while it does not run. */
  readonly containerId: string | undefined;
  /** Ids of the mappings that select it. */
  readonly mappings: readonly string[];
  readonly status: TargetStatus;
  /** Number of the last snapshot that it completely held; `undefined` before the first. */
  readonly snapshot: number | undefined;
  /** Entries of the last delivery. */
  readonly files: number;
  /** Milliseconds of the last delivery. */
  readonly duration: number | undefined;
  readonly reason: string;
  /** Mapped roots that it shares with other targets. Absent: none. */
  readonly shared?: readonly SharedRootView[];
}

export interface WorkloadView {
  readonly name: string;
  readonly namespace: string;
  readonly resolution: Resolution | undefined;
  readonly mappings: readonly ResolvedMapping[];
  /** Number of the released snapshot; 0 before the first. */
  readonly snapshot: number;
  readonly targets: readonly TargetView[];
}

/** The state of an engine at one moment. */
export interface EngineView {
  readonly workloads: readonly WorkloadView[];
}

export interface RunResult {
  /** One per workload, in the order of the options. */
  readonly summaries: readonly SummaryEvent[];
  readonly outcome: Outcome;
}

/** Keeps some workloads up to date with local files. */
export interface Engine extends AsyncDisposable {
  /** Runs until its mode is done or its signal ends; resolves also when it was interrupted. */
  run(): Promise<RunResult>;
  /** The current state; after `run` the last one. */
  view(): EngineView;
  readonly commands: EngineCommands;
}
