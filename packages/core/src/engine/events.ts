import type { MemberState } from "../contract/kind.ts";
import type { ErrorCode } from "../errors/codes.ts";
import type { TargetStatus } from "../sync/target/status.ts";

/** Fields that every event has. */
interface Base {
  /** ISO 8601 with milliseconds. */
  readonly time: string;
  /** As the user named it: `jobset/train`. */
  readonly workload: string;
}

/** Fields of an event about one target. */
interface OfTarget extends Base {
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  readonly role?: string;
  readonly index?: string;
}

/** The first pass is done for every eligible target, also when there is none. Once per workload. */
export interface ReadyEvent extends Base {
  readonly event: "ready";
  readonly members: number;
  readonly targets: number;
  readonly synced: number;
}

/** A member appeared, was judged differently, or went. */
export interface MemberEvent extends Base {
  readonly event: "member";
  readonly pod: string;
  readonly uid: string;
  readonly role?: string;
  readonly index?: string;
  /** `gone` when the pod is no more, or no longer the workload's. */
  readonly state: MemberState | "gone";
  readonly previous?: MemberState;
  /** Code of the kind's reason. */
  readonly code: string;
  readonly reason: string;
}

/** A target's status changed. */
export interface TargetEvent extends OfTarget {
  readonly event: "target";
  readonly status: TargetStatus;
  readonly snapshot?: number;
  readonly reason: string;
}

/** The local files settled in a new state. */
export interface SnapshotEvent extends Base {
  readonly event: "snapshot";
  readonly mapping: string;
  readonly snapshot: number;
  /** Of the whole tree. */
  readonly files: number;
  readonly bytes: number;
  /** Paths that differ from the snapshot before; at most 20 are named. */
  readonly changed: number;
  readonly paths: readonly string[];
}

/** One target has snapshot G of one mapping, by its own acknowledgement. */
export interface SyncedEvent extends OfTarget {
  readonly event: "synced";
  readonly mapping: string;
  readonly snapshot: number;
  /** Entries written and deleted, and bytes of file content carried, in this batch. Zero when all was there already. */
  readonly files: number;
  readonly deleted: number;
  readonly bytes: number;
  /** Milliseconds from the settled local change (or from the session's start, if later) to the acknowledgement. */
  readonly duration: number;
}

/** A target cannot be served until the user acts. */
export interface FailedEvent extends OfTarget {
  readonly event: "failed";
  readonly code: ErrorCode;
  readonly reason: string;
  readonly hint: string;
}

/** A target is behind and will be tried again. */
export interface RetryEvent extends OfTarget {
  readonly event: "retry";
  readonly code: ErrorCode;
  readonly reason: string;
  /** Milliseconds until then. */
  readonly delay: number;
}

/** A mapping or a target stopped on purpose: the source vanished, another session took over. */
export interface HaltedEvent extends Base {
  readonly event: "halted";
  readonly mapping?: string;
  readonly pod?: string;
  readonly uid?: string;
  readonly container?: string;
  readonly code?: ErrorCode;
  readonly reason: string;
}

/** What was halted goes on. */
export interface ResumedEvent extends Base {
  readonly event: "resumed";
  readonly mapping: string;
  readonly reason: string;
}

/** Bytes of a long transfer; at most twice a second per target. */
export interface ProgressEvent extends OfTarget {
  readonly event: "progress";
  readonly mapping: string;
  readonly sent: number;
  readonly total: number;
}

/** A command of `run` ended in a target. */
export interface RunEvent extends OfTarget {
  readonly event: "run";
  readonly command: string;
  readonly exitCode?: number;
  readonly ok: boolean;
  readonly output: string;
  readonly duration: number;
  readonly reason: string;
}

/** Something to know about the workload or the cluster: suspended, a permission missing, a watch that was cut. */
export interface NoteEvent extends Base {
  readonly event: "note";
  readonly code: string;
  readonly reason: string;
  readonly hint?: string;
}

/** The last event of a run. */
export interface SummaryEvent extends Base {
  readonly event: "summary";
  readonly members: number;
  readonly targets: number;
  readonly synced: number;
  readonly stale: number;
  readonly failed: number;
  readonly halted: number;
  /** Containers that should hold the files and do not run. */
  readonly waiting: number;
  /** Commands of `run` that failed. */
  readonly failedRuns: number;
}

/** What the engine tells the world. Every string in it is free of control characters. */
export type EngineEvent =
  | ReadyEvent
  | MemberEvent
  | TargetEvent
  | SnapshotEvent
  | SyncedEvent
  | FailedEvent
  | RetryEvent
  | HaltedEvent
  | ResumedEvent
  | ProgressEvent
  | RunEvent
  | NoteEvent
  | SummaryEvent;
