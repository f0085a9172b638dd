import { KinsyncError } from "../../errors/error.ts";
import { systemReason } from "../../text/system-reason.ts";

/**
 * A path of the source that cannot be read: the source as a whole, or one path that is left out of the tree.
 * @param path as in the tree; the empty path is the source
 */
export function unreadablePath(absolute: string, path: string, cause: unknown): KinsyncError {
  const what = path === "" ? "cannot be read" : "is left out";
  const message = `${absolute} ${what}: ${systemReason(cause)}`;
  return new KinsyncError("KINSYNC_SOURCE_UNREADABLE", message, { cause, details: { path } });
}
