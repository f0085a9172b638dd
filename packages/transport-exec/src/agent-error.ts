import { KinsyncError, type ErrorCode, type KinsyncErrorOptions, type Target } from "@kinsync/core/contract";
import { plainText } from "./exec-status.ts";
import type { AgentFailure } from "./wire.ts";

/** What was being done, for the message. */
export interface Deed {
  readonly target: Target;
  /** `look at`, `claim`, `write to`. */
  readonly verb: string;
  /** The root as the mapping names it. */
  readonly root: string;
}

export function nameOf(target: Pick<Target, "pod" | "container">): string {
  return `pod/${target.pod}, container ${target.container}`;
}

/** What tools say for an errno, in the C locale. musl and glibc agree on these. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/No such file or directory/, "ENOENT"],
  [/No space left on device/, "ENOSPC"],
  [/[Qq]uota exceeded/, "EDQUOT"],
  [/Read-only file system/, "EROFS"],
  [/Permission denied/, "EACCES"],
  [/Operation not permitted/, "EPERM"],
  [/Device or resource busy|[Rr]esource busy/, "EBUSY"],
  [/Text file busy/, "ETXTBSY"],
  [/Directory not empty/, "ENOTEMPTY"],
  [/Not a directory/, "ENOTDIR"],
  [/Is a directory/, "EISDIR"],
  [/File exists/, "EEXIST"],
  [/Too many (levels of )?symbolic links|Symbolic link loop/, "ELOOP"],
  [/[Ff]ile ?name too long/, "ENAMETOOLONG"],
];

/** Turns what an agent says into an error for people. */
export function errorOfAgent(failure: AgentFailure, deed: Deed): KinsyncError {
  const kind = failure.kind === "TEXT" ? kindOfText(failure.text) : failure.kind;
  const path = failure.path === undefined ? deed.root : pathOf(failure.path, deed.root);
  const fail = (code: ErrorCode, why: string, options: KinsyncErrorOptions = {}) =>
    new KinsyncError(code, `${nameOf(deed.target)}: cannot ${deed.verb} ${plainText(path)}: ${why}`, {
      ...options,
      details: { path, kind },
    });
  switch (kind) {
    case "EROFS":
      return fail("KINSYNC_TARGET_READ_ONLY", "the file system is read-only");
    case "ENOSPC":
      return fail("KINSYNC_TARGET_FULL", "no space is left on its file system");
    case "EDQUOT":
      return fail("KINSYNC_TARGET_FULL", "the quota of its file system is used up");
    case "EACCES":
    case "EPERM":
      return fail("KINSYNC_TARGET_DENIED", "the container's user may not");
    case "MOUNTED":
    case "EBUSY":
    case "ETXTBSY":
      return fail("KINSYNC_TARGET_MOUNTED_FILE", "it is a mount of its own and cannot be renamed over");
    case "FOREIGN":
    case "ENOTEMPTY":
      return fail("KINSYNC_TARGET_FOREIGN", "something that kinsync did not place stands in the way");
    case "CHANGED":
      return fail("KINSYNC_TARGET_FOREIGN", `it changed in the container meanwhile (${plainText(failure.text)})`, {
        retry: "retry",
        hint: "Nothing to do: it is looked at again.",
      });
    case "ROOT":
      return fail("KINSYNC_TARGET_PATH", "the root of the container cannot be a mapping's root");
    case "ENOENT":
      // The root itself, such as one in /proc. What kinsync keeps may be gone for a moment, as when another run claims, too.
      if (deed.verb === "claim" && !path.includes("/.kinsync/"))
        return fail("KINSYNC_TARGET_PATH", "no folder can be made there");
      return fail("KINSYNC_TARGET_LOST", failure.text === "" ? "it is not there" : plainText(failure.text));
    case "ENOTDIR":
    case "EEXIST":
    case "EISDIR":
      return fail("KINSYNC_TARGET_PATH", "a file is where a folder must be");
    case "ELOOP":
      return fail("KINSYNC_TARGET_PATH", "it goes over too many links");
    case "ENAMETOOLONG":
      return fail("KINSYNC_TARGET_PATH", "its name is too long for the file system there");
    case "TAKEN":
      return takenError(failure.text, deed);
    case "STATE":
      return fail("KINSYNC_TARGET_LOST", plainText(failure.text));
    case "DIGEST":
    case "SHORT":
      return fail("KINSYNC_TARGET_LOST", "the bytes did not arrive whole");
    case "ORDER":
    case "UNSTAGED":
    case "INTERNAL":
      return fail("KINSYNC_INTERNAL", `the agent says ${kind} ${plainText(failure.text)}`);
    default:
      // EIO, ENOMEM, EMFILE and the like: the container's trouble, which may pass.
      return fail("KINSYNC_TARGET_LOST", failure.text === "" ? kind : plainText(failure.text), {
        hint: "It is tried again; see the container's node if it stays so.",
      });
  }
}

function kindOfText(text: string): string {
  for (const [pattern, kind] of TEXTS) if (pattern.test(text)) return kind;
  return "OTHER";
}

function pathOf(path: string, root: string): string {
  return path.startsWith("/") ? path : `${root.replace(/\/+$/, "")}/${path}`;
}

function takenError(marker: string, deed: Deed): KinsyncError {
  let who = "another kinsync";
  try {
    const { owner, since } = JSON.parse(marker) as { owner?: unknown; since?: unknown };
    if (typeof owner === "string") who = plainText(owner);
    if (typeof since === "string") who += `, running since ${plainText(since)}`;
  } catch {
    // A marker of something else; that it is not ours is all that counts.
  }
  return new KinsyncError("KINSYNC_TARGET_TAKEN", `${nameOf(deed.target)}: ${deed.root} was taken over by ${who}`, {
    details: { path: deed.root },
  });
}

/** The connection ended while something waited for an answer. */
export function lostError(target: Target, why: string, cause?: unknown): KinsyncError {
  const message = `${nameOf(target)}: the connection was lost: ${why}`;
  return new KinsyncError("KINSYNC_TARGET_LOST", message, cause === undefined ? {} : { cause });
}

export function timeoutError(target: Target, what: string, milliseconds: number): KinsyncError {
  const seconds = Math.round(milliseconds / 100) / 10;
  return new KinsyncError("KINSYNC_TARGET_TIMEOUT", `${nameOf(target)}: ${what} for ${seconds} s`);
}

export function goneError(target: Target, why: string): KinsyncError {
  return new KinsyncError("KINSYNC_TARGET_GONE", `${nameOf(target)}: ${why}`);
}
