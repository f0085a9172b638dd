export { createEngine } from "./engine/engine.ts";
export type {
  EngineCommands,
  HistoryCandidate,
  HistorySnapshot,
  Dismissed,
  Released,
  WorkloadHistory,
  WorkloadSelection,
} from "./engine/commands.ts";
export type { Origin as ReleaseOrigin, ReleasedSnapshot } from "./engine/history.ts";
export type { GangHolder, GangPhase, GangState } from "./engine/gang/gang-state.ts";
export type { GangPolicy } from "./mapping/gang-policy.ts";
export type { BeforeState } from "./engine/actions/hooks.ts";
export type { LocalRunView } from "./engine/actions/local-run-view.ts";
export type { HoldReason, PendingChanges } from "./engine/release.ts";
export type { UnreadPath, UnreadPaths } from "./engine/unread.ts";
export { ContentCache } from "./local/kept/content-cache.ts";
export type { CacheLimits, ContentCacheOptions, KeptContent } from "./local/kept/content-cache.ts";
export type {
  AllowedDeletes,
  DeletesRequest,
  Engine,
  EngineOptions,
  EngineView,
  RunOutcome,
  RunResult,
  SharedRootView,
  TargetView,
  WorkloadView,
} from "./engine/options.ts";
export type { ResolvedWorkload } from "./engine/resolved-workload.ts";
export type {
  EngineEvent,
  FailedEvent,
  GangEvent,
  SnapshotEvent,
  HaltedDeletes,
  HaltedEvent,
  MappingChange,
  MemberEvent,
  NoteEvent,
  ProgressEvent,
  ReadyEvent,
  ResumedEvent,
  RetryEvent,
  RunEvent,
  SessionEvent,
  SummaryEvent,
  SyncedEvent,
  TargetEvent,
} from "./engine/events.ts";
export type { CreateSource } from "./engine/mapping-files.ts";
export type { Source, SourceOptions, SourceSpec, SourceState } from "./local/source.ts";
export type { Content, ContentStore } from "./mapping/content-store.ts";
export { memoryContent } from "./mapping/memory-content.ts";
export { createTree, updateTree } from "./mapping/tree.ts";
export type { DirectoryEntry, FileEntry, LinkEntry, Tree, TreeEntry } from "./mapping/tree.ts";
export type { TargetStatus } from "./sync/target/status.ts";
export { cleanData, cleanText } from "./text/clean.ts";
export { ERRORS } from "./errors/codes.ts";
export type { ErrorCode } from "./errors/codes.ts";
export { isKinsyncError, KinsyncError } from "./errors/error.ts";
export type { KinsyncErrorOptions, Retry } from "./errors/error.ts";
export { findWorkload } from "./resolve/find/find-workload.ts";
export type { FoundWorkload } from "./resolve/find/find-workload.ts";
export { listWorkloads } from "./resolve/find/list-workloads.ts";
export type { ListedWorkload, ListedWorkloads } from "./resolve/find/list-workloads.ts";
export { joinNotes } from "./resolve/resolution.ts";
export type { Member, MemberChange, MemberContainer, Resolution, WorkloadRef } from "./resolve/resolution.ts";
export { ReflectorPool } from "./kube/reflector-pool.ts";
export { watchWorkload } from "./resolve/members/workload-watch.ts";
export type { WorkloadWatch, WorkloadWatchOptions } from "./resolve/members/watch-options.ts";
export { explainWorkload, resolveOnce } from "./resolve/report/explain.ts";
export type { ExplainedPod, Explanation, ExplainOptions } from "./resolve/report/explain.ts";
export { readAgents } from "./resolve/report/read-agents.ts";
export type { ReadAgentsOptions, TargetAgent } from "./resolve/report/read-agents.ts";
export { differingLabels, firstRules } from "./resolve/report/first-rules.ts";
export { treeOf } from "./resolve/report/member-tree.ts";
export type { TreeMember, TreeOptions, TreeTarget, TreeWorkload, WorkloadTree } from "./resolve/report/member-tree.ts";
export type { SharedMount } from "./resolve/report/shared-mounts.ts";
export { readLogs } from "./logs/read-logs.ts";
export type { ReadLogsOptions } from "./logs/read-logs.ts";
export { followLogs } from "./logs/follow-logs.ts";
export type { FollowedLogs, FollowLogsOptions } from "./logs/follow-logs.ts";
export type { LogDropped, LogEntry, LogExtent, LogLine, LogNote, LogSource } from "./logs/entries.ts";
export type { LogSelection } from "./logs/sources.ts";
export { openForwards } from "./forward/open-forwards.ts";
export type { ForwardOptions, Forwards } from "./forward/open-forwards.ts";
export { connectToPod } from "./forward/pod-connection.ts";
export type { PodPort } from "./forward/pod-connection.ts";
export type { ForwardRule } from "./forward/forward-rule.ts";
export type { ForwardEvent, ForwardFailed, ForwardOpened, ForwardTarget } from "./forward/events.ts";
export { pullFiles } from "./pull/pull-members.ts";
export type { PullFilesOptions } from "./pull/pull-members.ts";
export type {
  LeftOutCode,
  PullCounts,
  PullDone,
  PullEvent,
  PullFailed,
  PullLeftOut,
  PullMember,
  PullProgress,
  PullRetry,
  PullStarted,
} from "./pull/events.ts";
export { listLeftOut } from "./local/ignore/left-out.ts";
export type { LeavingRule, LeftOut, LeftOutOptions, LeftOutPath } from "./local/ignore/left-out.ts";
export { wrapperText } from "./sync/actions/program-text.ts";
export type { FailedRunView, PendingRunView } from "./engine/actions/failed-runs.ts";
