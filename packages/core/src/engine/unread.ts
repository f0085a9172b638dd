import type { ErrorCode } from "../errors/codes.ts";
import type { KinsyncError } from "../errors/error.ts";

/** A mapped local path that cannot be read, so that no container gets it. */
export interface UnreadPath {
  /** `KINSYNC_SOURCE_CHANGED`: it changes faster than it can be read, and is read again by itself. */
  readonly code: ErrorCode;
  /** With the path. */
  readonly reason: string;
  readonly hint: string;
}

/** Mapped local paths that cannot be read. */
export interface UnreadPaths {
  readonly count: number;
  /** At most 20. */
  readonly paths: readonly UnreadPath[];
}

const MAX_PATHS = 20;

/** The problems of local files that keep a mapped path from all containers. A socket or a device could never arrive. */
export function unreadProblems(problems: readonly KinsyncError[]): readonly KinsyncError[] {
  return problems.filter(({ code }) => code !== "KINSYNC_SOURCE_TYPE");
}

/** It changes faster than it can be read: the source reads it again, so waiting helps. */
export function isTransient({ code }: Pick<KinsyncError, "code">): boolean {
  return code === "KINSYNC_SOURCE_CHANGED";
}

/** `undefined` where everything was read. */
export function unreadPaths(problems: readonly KinsyncError[]): UnreadPaths | undefined {
  const unread = unreadProblems(problems);
  if (unread.length === 0) return undefined;
  const paths = unread.slice(0, MAX_PATHS).map(({ code, message, hint }) => ({ code, reason: message, hint }));
  return { count: unread.length, paths };
}
