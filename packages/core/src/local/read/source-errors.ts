import { KinsyncError } from "../../errors/error.ts";
import { systemReason } from "../../text/system-reason.ts";

/** A socket, a pipe or a device: a sync without it is complete. */
export function specialPath(absolute: string, path: string, type: string): KinsyncError {
  return new KinsyncError("KINSYNC_SOURCE_TYPE", `${absolute} is left out: it is ${type}`, { details: { path } });
}

/** A file that was replaced or changed each time that it was read. The source reads it again soon. */
export function unstablePath(absolute: string, path: string): KinsyncError {
  const message = `${absolute} is left out for now: it changes faster than it can be read`;
  return new KinsyncError("KINSYNC_SOURCE_CHANGED", message, { details: { path } });
}

/**
 * A path of the source that cannot be read: the source as a whole, or one path that is left out of the tree.
 * @param path as in the tree; the empty path is the source
 */
export function unreadablePath(absolute: string, path: string, cause: unknown): KinsyncError {
  const what = path === "" ? "cannot be read" : "is left out";
  const message = `${absolute} ${what}: ${systemReason(cause)}`;
  return new KinsyncError("KINSYNC_SOURCE_UNREADABLE", message, { cause, details: { path } });
}
