import { KinsyncError, type ErrorCode, type KinsyncErrorOptions, type Target } from "@kinsync/core/contract";
import type { AgentFailure } from "../protocol/answers.ts";
import { oneLine } from "../stream/one-line.ts";
import { nameOf } from "../stream/target-error.ts";

/** The operation of a request, for error messages. */
export interface Operation {
  readonly target: Target;
  /** `read`, `claim`, `write to`. */
  readonly verb: string;
  /** The container path of the mapping. */
  readonly root: string;
}

/** Messages of tools by errno, in the C locale. musl and glibc use the same. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
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
  // Last: what could not be created is missed afterwards.
  [/No such file or directory/, "ENOENT"],
];
/** What a dynamic linker or a locale writes although the program works. */
const WARNINGS = /ERROR: ld\.so: .*?: ignored\.|\S*: warning: setlocale: [^)]*\)?/g;

/** The error for a failure that an agent reported. */
export function errorOfAgent(failure: AgentFailure, operation: Operation): KinsyncError {
  const kind = failure.kind === "TEXT" ? kindOfText(failure.text) : failure.kind;
  const path = failure.path === undefined ? operation.root : pathOf(failure.path, operation.root);
  const fail = (code: ErrorCode, why: string, options: KinsyncErrorOptions = {}) =>
    new KinsyncError(code, `${nameOf(operation.target)}: cannot ${operation.verb} ${oneLine(path)}: ${why}`, {
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
      return fail("KINSYNC_TARGET_DENIED", "permission denied for the container's user");
    case "MOUNTED":
    case "EBUSY":
    case "ETXTBSY":
      return fail("KINSYNC_TARGET_MOUNTED_FILE", "it is a mount point, so it cannot be replaced by a rename");
    case "FOREIGN":
    case "ENOTEMPTY":
      return fail("KINSYNC_TARGET_FOREIGN", "a file that kinsync did not create already exists at this path");
    case "CHANGED":
      return fail(
        "KINSYNC_TARGET_FOREIGN",
        `it changed in the container after kinsync read it (${oneLine(failure.text)})`,
        {
          retry: "retry",
          hint: "No action needed: kinsync reads it again.",
        },
      );
    case "ROOT":
      return fail("KINSYNC_TARGET_PATH", "the root folder of the container cannot be a mapped root");
    case "SYSTEM":
      return fail("KINSYNC_CONFIG_SYSTEM_FOLDER", oneLine(failure.text));
    case "ENOENT":
      // The root itself cannot be created, for example in /proc. The state directory may be missing for a moment while another run claims.
      if (operation.verb === "claim" && !path.includes("/.kinsync/"))
        return fail("KINSYNC_TARGET_PATH", "no folder can be created there");
      return fail("KINSYNC_TARGET_LOST", failure.text === "" ? "it does not exist" : oneLine(failure.text));
    case "ENOTDIR":
    case "EEXIST":
    case "EISDIR":
      return fail("KINSYNC_TARGET_PATH", "a file exists where a folder is needed");
    case "ELOOP":
      return fail("KINSYNC_TARGET_PATH", "the path has too many symbolic links");
    case "ENAMETOOLONG":
      return fail("KINSYNC_TARGET_PATH", "the name is too long for the file system");
    case "TAKEN":
      return takenError(failure.text, operation);
    case "STATE":
      return fail("KINSYNC_TARGET_LOST", oneLine(failure.text));
    case "UNZIP":
      return fail(
        "KINSYNC_TARGET_LOST",
        `compressed bytes arrived damaged${failure.text === "" ? "" : ` (${oneLine(failure.text)})`}`,
      );
    case "DIGEST":
    case "SHORT":
      return fail("KINSYNC_TARGET_LOST", "the bytes did not arrive completely");
    case "ORDER":
    case "UNSTAGED":
    case "UNCLAIMED":
    case "INTERNAL":
      return fail("KINSYNC_INTERNAL", `the agent reported ${kind} ${oneLine(failure.text)}`);
    default:
      // EIO, ENOMEM, EMFILE and similar problems of the container, which may pass.
      return fail("KINSYNC_TARGET_LOST", failure.text === "" ? kind : oneLine(failure.text), {
        hint: "kinsync retries. If it keeps failing, check the node of the container.",
      });
  }
}

function kindOfText(text: string): string {
  const reason = text.replace(WARNINGS, "");
  for (const [pattern, kind] of TEXTS) if (pattern.test(reason)) return kind;
  return "OTHER";
}

function pathOf(path: string, root: string): string {
  return path.startsWith("/") ? path : `${root.replace(/\/+$/, "")}/${path}`;
}

function takenError(marker: string, operation: Operation): KinsyncError {
  const path = operation.root;
  const { owner, since } = ownerOf(marker);
  const known = owner === undefined ? "" : ` (${owner}${since === undefined ? "" : `, since ${since}`})`;
  return new KinsyncError(
    "KINSYNC_TARGET_TAKEN",
    `${nameOf(operation.target)}: another kinsync${known} now writes ${path}`,
    {
      details: { path, ...(owner === undefined ? {} : { owner }), ...(since === undefined ? {} : { since }) },
    },
  );
}

/** Of a marker that is not this session's; it may hold anything. */
function ownerOf(marker: string): { readonly owner?: string; readonly since?: string } {
  try {
    const { owner, since } = JSON.parse(marker) as { owner?: unknown; since?: unknown };
    return {
      ...(typeof owner === "string" ? { owner: oneLine(owner) } : {}),
      ...(typeof since === "string" ? { since: oneLine(since) } : {}),
    };
  } catch {
    return {};
  }
}
