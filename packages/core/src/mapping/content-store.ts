import { createHash } from "node:crypto";
import { isKinsyncError, KinsyncError } from "../errors/error.ts";
import { systemReason } from "../text/system-reason.ts";

/** The content of one file. It identifies the bytes, not where they are stored. A `FileEntry` of a tree is one. */
export interface Content {
  /** sha256 of the bytes, in hex. */
  readonly digest: string;
  /** Number of bytes. */
  readonly size: number;
}

/**
 * Opens the bytes of the files in a tree by their digest. A tree holds no path of this machine, so its bytes can come from
 * anywhere: local files, memory, an archive, another process.
 *
 * A store serves the tree that it belongs to and may serve newer and older ones. `open` may be called many times for the same
 * content, and many times at once. Content of 0 bytes is never opened.
 */
export interface ContentStore {
  /**
   * Yields exactly `size` bytes whose sha256 is `digest`, in chunks of any length that the reader does not modify. A store that
   * cannot be sure of that is wrapped in `checkedContent`.
   *
   * @param signal ends the reading; the iterable then throws the signal's reason
   * @throws `KINSYNC_SOURCE_CHANGED` (while iterating) if these bytes no longer exist because the source changed since the tree
   *   was made. The source must then emit a newer state: only a newer tree ends the retries.
   * @throws `KINSYNC_SOURCE_UNREADABLE` if the bytes cannot be read. Any other error counts as this one.
   */
  open(content: Content, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Absolute local path of a file that held these bytes when it was last read, so that a file system may copy it without reading it.
   * Who uses it checks the bytes. Default: there is no such file.
   */
  pathOf?(content: Content): string | undefined;
}

/**
 * Wraps a store whose bytes may differ from what was requested, such as one that serves files or objects that others modify.
 * Reading then throws `KINSYNC_SOURCE_CHANGED` at the first byte too many, or at the end if size or sha256 differ.
 */
export function checkedContent(store: ContentStore): ContentStore {
  return {
    open: (content, signal) => checkedChunks(store.open(content, signal), content, `content ${content.digest}`),
  };
}

/** The chunks of `content`, checked as `checkedContent` does. `name` is for the error message. */
export async function* checkedChunks(
  chunks: AsyncIterable<Uint8Array>,
  content: Content,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const sum = createHash("sha256");
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > content.size) throw sourceChanged(name, "it has grown");
    sum.update(chunk);
    yield chunk;
  }
  if (size < content.size) throw sourceChanged(name, "it has shrunk");
  if (sum.digest("hex") !== content.digest) throw sourceChanged(name, "its bytes are different");
}

/** `what` changed since the tree was made. */
export function sourceChanged(what: string, why: string): KinsyncError {
  return new KinsyncError("KINSYNC_SOURCE_CHANGED", `${what} changed on this machine while it was being sent: ${why}`);
}

/** The error that a store threw for `what`. A `KinsyncError` is returned unchanged. */
export function sourceUnreadable(what: string, cause: unknown): KinsyncError {
  if (isKinsyncError(cause)) return cause;
  const message = `${what} cannot be read on this machine: ${systemReason(cause)}`;
  const isLimit = cause instanceof Error && "code" in cause && (cause.code === "EMFILE" || cause.code === "ENFILE");
  const hint = "Raise the limit of open files (`ulimit -n`) and start kinsync again. kinsync retries.";
  return new KinsyncError("KINSYNC_SOURCE_UNREADABLE", message, isLimit ? { cause, hint } : { cause });
}
