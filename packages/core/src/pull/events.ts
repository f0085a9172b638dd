import type { KinsyncError } from "../errors/error.ts";

/** The container that files are pulled from. */
export interface PullMember {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  readonly role?: string;
  readonly index?: string;
}

/**
 * Why something was not written. `name`: it cannot be or is not written under this name. `type`: neither a file, a folder nor a link.
 * `link`: it would lead out of the folder. `exists`: something else is in its place here. `changed`: the file changed while it was read.
 * `unreadable`: the container cannot read it, or it was deleted meanwhile.
 */
export type LeftOutCode = "name" | "type" | "link" | "exists" | "changed" | "unreadable";

/** What was pulled of one member. */
export interface PullCounts {
  /** Files that were written. */
  readonly written: number;
  /** Files that were the same here already. */
  readonly unchanged: number;
  readonly links: number;
  readonly leftOut: number;
  /** Bytes that were received. */
  readonly bytes: number;
  /** Bytes that an earlier pull had received. */
  readonly resumedBytes: number;
}

/** The list of a container was read; its files follow. */
export interface PullStarted {
  readonly type: "started";
  readonly member: PullMember;
  /** Local folder or file. */
  readonly to: string;
  readonly files: number;
  /** Of all files. Missing: the container did not report all sizes. */
  readonly total?: number;
}

/** Bytes arrived, or a file was done. At most ten a second for each member, and one at the end of each pull. */
export interface PullProgress {
  readonly type: "progress";
  readonly member: PullMember;
  /** Of all files of the member. */
  readonly files: number;
  /** Files that are done. */
  readonly done: number;
  /** Received. */
  readonly bytes: number;
  /** Bytes of all files as the container listed them, and those of them that are here or need not come. Missing: not known. */
  readonly total?: number;
  readonly here?: number;
  /** The file that is on its way: how much of it is here. */
  readonly current?: { readonly path: string; readonly received: number; readonly size: number };
}

/** Something was not written. */
export interface PullLeftOut {
  readonly type: "left-out";
  readonly member: PullMember;
  /** Relative to the pulled path; empty for the path itself. */
  readonly path: string;
  readonly code: LeftOutCode;
  /** For people. */
  readonly reason: string;
}

/** A member is done. */
export interface PullDone extends PullCounts {
  readonly type: "done";
  readonly member: PullMember;
  readonly to: string;
  /** False: something else than links and special files was left out. */
  readonly isComplete: boolean;
}

/** A member could not be pulled, or not to its end. What arrived stays. */
export interface PullFailed {
  readonly type: "failed";
  readonly member: PullMember;
  readonly error: KinsyncError;
}

/** The connection was lost. The same pull goes on from what arrived. */
export interface PullRetry {
  readonly type: "retry";
  readonly member: PullMember;
  readonly error: KinsyncError;
  /** Milliseconds until then. */
  readonly delay: number;
}

/** What happens during a pull. */
export type PullEvent = PullRetry | PullStarted | PullProgress | PullLeftOut | PullDone | PullFailed;
