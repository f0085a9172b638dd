import type { ClusterConnection, ClusterWriter } from "../contract/cluster.ts";
import type { Origin } from "../contract/inventory.ts";
import type { HostedTransport, KindEntry, TransportEntry } from "../plugins/host.ts";
import type { ErrorCode } from "../errors/codes.ts";
import type { KinsyncError } from "../errors/error.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { MemberChange, Resolution } from "../resolve/resolution.ts";
import type { TargetStatus } from "../sync/target/status.ts";
import type { FailedRunView, PendingRunView } from "./actions/failed-runs.ts";
import type { EngineCommands } from "./commands.ts";
import type { EngineEvent, SummaryEvent } from "./events.ts";
import type { GangState } from "./gang/gang-state.ts";
import type { KeptContent } from "../local/kept/content-cache.ts";
import type { BeforeState } from "./actions/hooks.ts";
import type { LocalRunView } from "./actions/local-run-view.ts";
import type { HoldReason, PendingChanges } from "./release.ts";
import type { CreateSource } from "./mapping-files.ts";
import type { Outcome } from "./outcome.ts";
import type { ResolvedWorkload } from "./resolved-workload.ts";
import type { UnreadPaths } from "./unread.ts";

/**
 * Gives a transport the means to change the objects that it declares in `writesApi`, in one namespace; `undefined` where the user did not
 * consent to it.
 */
export type WriterFor = (
  transport: Pick<HostedTransport, "name" | "capabilities">,
  namespace: string,
) => ClusterWriter | undefined;

export interface EngineOptions {
  readonly cluster: ClusterConnection;
  readonly kinds: readonly KindEntry[];
  /** Of those whose code is imported on demand only the loaded ones are used. */
  readonly transports: readonly TransportEntry[];
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
  /** Name of this machine, for the markers in the containers. Default: unknown, and no run can tell that files came from elsewhere. */
  readonly host?: string;
  /**
   * Deletes of files that kinsync did not create (`mirror`), or that a run from another folder placed. `ask`: the mapped root halts until
   * `onDeletes` or `commands.allowDeletes` allows them. `allow`: they are deleted. Default: `ask`.
   */
  readonly deletes?: "ask" | "allow";
  /** What the user allowed in earlier runs. Default: nothing. */
  readonly allowedDeletes?: readonly AllowedDeletes[];
  /**
   * Asks the user, once for each mapping and list of paths. A run with `once` waits for the answer. Default: nobody is asked.
   * @param signal ends with the run; then the answer has no effect
   */
  readonly onDeletes?: (request: DeletesRequest, signal: AbortSignal) => Promise<boolean>;
  /** For transports with the capability `writesApi`. Default: no object of the cluster is changed. */
  readonly writerFor?: WriterFor;
  readonly signal: AbortSignal;
  readonly onEvent: (event: EngineEvent) => void;
  /**
   * Called for each workload with the members that came, went or changed, all of them at first; for what follows members beside the sync, such
   * as their logs. Default: nothing does.
   */
  readonly onMembers?: (workload: ResolvedWorkload, changes: readonly MemberChange[], resolution: Resolution) => void;
  /** Copies of files of earlier snapshots, for `undo` and for pods that start while newer files wait. Default: none are kept. */
  readonly kept?: KeptContent;
  /** Makes the local side of a mapping. Default: files on disk, watched. */
  readonly createSource?: CreateSource;
}

/** Deletes that the user allowed earlier: these paths, or fewer of them. */
export interface AllowedDeletes {
  /** As the user named the workload, and its namespace. */
  readonly workload: string;
  readonly namespace: string;
  /** Container path of the mapping. */
  readonly to: string;
  /** Relative to it. */
  readonly paths: readonly string[];
}

/** Deletes that need consent. */
export interface DeletesRequest {
  readonly workload: string;
  readonly namespace: string;
  /** Id of the mapping, and its container path. */
  readonly mapping: string;
  readonly to: string;
  /** All paths, in the container. */
  readonly paths: readonly string[];
  /** The same, relative to `to`. */
  readonly relativePaths: readonly string[];
  /** The targets that would lose these paths, sorted by name. */
  readonly targets: readonly DeletesTarget[];
  /** Bytes of file content that is lost, in all targets. */
  readonly bytes: number;
  /** Where the files came from, if a run from another folder placed them. */
  readonly origin?: Origin;
  /** In one sentence, with the target. */
  readonly reason: string;
}

/** A target whose files would be deleted. */
export interface DeletesTarget {
  readonly pod: string;
  readonly container: string;
  /** Paths. */
  readonly count: number;
  /** Bytes of file content. */
  readonly bytes: number;
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
  /** Of the error that is the reason. Absent: no error is. */
  readonly code?: ErrorCode;
  /** Commands that failed and have neither succeeded since nor were dismissed. Absent: none. */
  readonly failedRuns?: readonly FailedRunView[];
  /** Commands that wait or run. Absent: none. */
  readonly runs?: readonly PendingRunView[];
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
  /** Number of the newest snapshot, where a gang has not released it, or not yet. Missing: it is `snapshot`. */
  readonly newest?: number;
  /** Why newer local files are not released by themselves. Missing: they are. */
  readonly held?: HoldReason;
  /** How far the gang is with the newest snapshot. Missing: every member holds it, or the workload is not a gang. */
  readonly gang?: GangState;
  /** Local changes that are not released. Missing: none. */
  readonly pending?: PendingChanges;
  /** `hooks.before` runs for the newest local files, or failed: they are not released. Missing: it keeps nothing back. */
  readonly before?: BeforeState;
  /** `hooks.after` and `rebuild` on this machine: what is due, runs or failed. Missing: nothing. */
  readonly local?: readonly LocalRunView[];
  /** Mapped local paths that cannot be read. Missing: all were read. */
  readonly unread?: UnreadPaths;
  readonly targets: readonly TargetView[];
}

/** The state of an engine at one moment. */
export interface EngineView {
  readonly workloads: readonly WorkloadView[];
}

/** How a run ended. */
export interface RunOutcome {
  /** The work of `once` was done; `false` if the run was interrupted before. */
  readonly isDone: boolean;
  readonly exitCode: Outcome["exitCode"];
  /** Why a workload, or one of its mappings, had no targets. */
  readonly problem: KinsyncError | undefined;
}

export interface RunResult {
  /** One per workload, in the order of the options. */
  readonly summaries: readonly SummaryEvent[];
  readonly outcome: RunOutcome;
}

/** Keeps some workloads up to date with local files. */
export interface Engine extends AsyncDisposable {
  /** Runs until its mode is done or its signal ends; resolves also when it was interrupted. */
  run(): Promise<RunResult>;
  /** The current state; after `run` the last one. */
  view(): EngineView;
  readonly commands: EngineCommands;
}
