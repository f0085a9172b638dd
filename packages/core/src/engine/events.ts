import type { Origin } from "../contract/inventory.ts";
import type { AgentChoice } from "../contract/session.ts";
import type { MemberState } from "../contract/state.ts";
import type { ErrorCode } from "../errors/codes.ts";
import type { GangState } from "./gang/gang-state.ts";
import type { Origin as SnapshotOrigin } from "./history.ts";
import type { HoldReason } from "./release.ts";
import type { TargetStatus } from "../sync/target/status.ts";

/** Fields that every event has. */
interface Base {
  /** ISO 8601 with milliseconds. */
  readonly time: string;
  /** As the user named it: `jobset/train`. */
  readonly workload: string;
  /** Namespace of the workload: two workloads may have one name. */
  readonly namespace: string;
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

/** A member appeared, changed its state, role or reason, or is gone. */
export interface MemberEvent extends Base {
  readonly event: "member";
  readonly pod: string;
  readonly uid: string;
  readonly role?: string;
  readonly index?: string;
  /** `gone`: the pod was deleted, or the workload no longer owns it. */
  readonly state: MemberState | "gone";
  readonly previous?: MemberState;
  /** Code of the kind's reason. */
  readonly code: string;
  readonly reason: string;
}

/** A session with a target opened: what runs in its container on kinsync's behalf, and why. */
export interface SessionEvent extends OfTarget {
  readonly event: "session";
  readonly agent: string;
  /** Why this agent; missing where the transport has no choice. */
  readonly choice?: AgentChoice;
}

/** A target's status changed. */
export interface TargetEvent extends OfTarget {
  readonly event: "target";
  readonly status: TargetStatus;
  readonly snapshot?: number;
  readonly reason: string;
}

/** One mapping's part of a snapshot. */
export interface MappingChange {
  readonly mapping: string;
  /** Local path as the config gives it, and container path. */
  readonly from: string;
  readonly to: string;
  /** Of its whole tree. */
  readonly files: number;
  readonly bytes: number;
  /** Paths that differ from the snapshot before, relative to `from`; a mapped single file by its local name. At most 20 are named. */
  readonly changed: number;
  readonly paths: readonly string[];
}

/** A new snapshot is released: every target should hold it. */
export interface SnapshotEvent extends Base {
  readonly event: "snapshot";
  readonly snapshot: number;
  /** Of all mappings together. */
  readonly files: number;
  readonly bytes: number;
  readonly changed: number;
  /** At most 20. */
  readonly paths: readonly string[];
  /** The mappings that changed. */
  readonly mappings: readonly MappingChange[];
  /** What released it: a save, `trigger`, or `undo`. */
  readonly origin: SnapshotOrigin;
  /** Number of the snapshot whose files an `undo` released again. */
  readonly of?: number;
}

/** A gang works on a snapshot, or stopped. */
export interface GangEvent extends Base, GangState {
  readonly event: "gang";
}

/** Local changes wait to be released, or no longer do. */
export interface PendingEvent extends Base {
  readonly event: "pending";
  /** Why newer files are not released by themselves. Missing: they are. */
  readonly why?: HoldReason;
  /** Paths that differ from the released snapshot. */
  readonly changed: number;
  /** Local paths; at most 20. */
  readonly paths: readonly string[];
}

/** A target acknowledged one mapping's part of a snapshot. */
export interface SyncedEvent extends OfTarget {
  readonly event: "synced";
  readonly mapping: string;
  readonly snapshot: number;
  /** Entries written and deleted, and bytes of file content sent, in this batch. Zero when the target already held everything. */
  readonly files: number;
  readonly deleted: number;
  readonly bytes: number;
  /** Milliseconds from the settled local change (or from the session's start, if later) to the acknowledgement. */
  readonly duration: number;
  /** Where the files are, if other targets share them: `pvc:ml/code:/`. */
  readonly place?: string;
  /** Number of other targets that have the same files. */
  readonly sharedWith?: number;
  /** The target that wrote them, if it was another one: `pod/web-0, container main`. Nothing was sent to this one. */
  readonly through?: string;
}

/** A target gets no files until the user acts. */
export interface FailedEvent extends OfTarget {
  readonly event: "failed";
  readonly code: ErrorCode;
  readonly reason: string;
  readonly hint: string;
}

/** A target is out of date; another attempt follows. */
export interface RetryEvent extends OfTarget {
  readonly event: "retry";
  readonly code: ErrorCode;
  readonly reason: string;
  readonly hint: string;
  /** Milliseconds until then. */
  readonly delay: number;
}

/** Deletes that wait for the user's consent. */
export interface HaltedDeletes {
  readonly count: number;
  /** Of file content that would be lost. */
  readonly bytes: number;
  /** Relative to the mapping's container path. At most 20. */
  readonly paths: readonly string[];
  /** Where the files came from, if a run from another folder placed them. Missing: kinsync did not create them. */
  readonly origin?: Origin;
}

/**
 * A mapping or a target stopped on purpose: the local files vanished, another run of kinsync claimed the target, or deletes need consent.
 * Repeated for a target at each snapshot that it does not get.
 */
export interface HaltedEvent extends Base {
  readonly event: "halted";
  readonly mapping?: string;
  readonly pod?: string;
  readonly uid?: string;
  readonly container?: string;
  readonly code?: ErrorCode;
  readonly reason: string;
  readonly hint?: string;
  /** With `KINSYNC_TARGET_DELETES`. */
  readonly deletes?: HaltedDeletes;
}

/** A mapping that was halted continues. */
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

/** A command of `run`, or a step of `restart`, ended in a target. */
export interface RunEvent extends OfTarget {
  readonly event: "run";
  /** Of `restart`. */
  readonly step?: "stop" | "start" | "signal";
  readonly command: string;
  readonly exitCode?: number;
  readonly ok: boolean;
  /** Its last 64 KiB. Of a restart also the last lines of the process that ended. */
  readonly output: string;
  readonly duration: number;
  readonly reason: string;
  /** The config shows the output also of a success. */
  readonly showOutput?: boolean;
}

/** A command of `rebuild` or `hooks` on this machine. */
export interface LocalEvent extends Base {
  readonly event: "local";
  readonly what: "rebuild" | "before" | "after";
  /** `replaced`: a new pod appeared after a rebuild. */
  readonly phase: "starts" | "output" | "ends" | "replaced";
  readonly command: string;
  /** Local paths that need the rebuild; at most 20. */
  readonly paths?: readonly string[];
  /** With `output` a piece of it, with `ends` its last 64 KiB. */
  readonly output?: string;
  readonly ok?: boolean;
  readonly exitCode?: number;
  /** Milliseconds. */
  readonly duration?: number;
  readonly reason?: string;
}

/** Information about the workload or the cluster: suspended, a missing permission, a watch that was cut. */
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
  /** Commands that failed and have neither succeeded since nor were dismissed, in the containers of now. */
  readonly failedRuns: number;
  /** Mapped local paths that cannot be read, so that no container has their newest content. */
  readonly unread: number;
}

/** What the engine reports. Every string in it is free of control characters. */
export type EngineEvent =
  | ReadyEvent
  | MemberEvent
  | SessionEvent
  | TargetEvent
  | SnapshotEvent
  | PendingEvent
  | GangEvent
  | SyncedEvent
  | FailedEvent
  | RetryEvent
  | HaltedEvent
  | ResumedEvent
  | ProgressEvent
  | RunEvent
  | LocalEvent
  | NoteEvent
  | SummaryEvent;
