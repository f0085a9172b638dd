export { createEngine } from "./engine.ts";
export type { Engine, EngineOptions, EngineView, ResolvedWorkload, TargetView } from "./engine.ts";
export type {
  EngineEvent,
  FailedEvent,
  GenerationEvent,
  HaltedEvent,
  MemberEvent,
  NoteEvent,
  ProgressEvent,
  ReadyEvent,
  ResumedEvent,
  RetryEvent,
  RunEvent,
  SummaryEvent,
  SyncedEvent,
  TargetEvent,
  TargetStatus,
} from "./events.ts";
export { cleanData, cleanText } from "./clean-text.ts";
export { ERRORS } from "./errors/codes.ts";
export type { ErrorCode } from "./errors/codes.ts";
export { isKinsyncError, KinsyncError } from "./errors/error.ts";
export type { KinsyncErrorOptions, Retry } from "./errors/error.ts";
export { findWorkload } from "./resolve/discovery.ts";
export type { FoundWorkload } from "./resolve/discovery.ts";
export type { Member, MemberContainer, Resolution, WorkloadRef } from "./resolve/resolution.ts";
export { ReflectorPool } from "./resolve/reflectors.ts";
export { watchWorkload } from "./resolve/workload.ts";
export type { WorkloadWatch, WorkloadWatchOptions } from "./resolve/workload.ts";
export { explainWorkload, resolveOnce } from "./resolve/explain.ts";
export type { ExplainedPod, Explanation, ExplainOptions } from "./resolve/explain.ts";
export { treeOf } from "./resolve/tree.ts";
export type { TreeMember, TreeOptions, TreeTarget, TreeWorkload, WorkloadTree } from "./resolve/tree.ts";
