import { KinsyncError } from "@kinsync/core/contract";

/**
 * A file or folder that the command line names and that the system refuses, as the user's to fix.
 * @param what for example `/home/ada/x cannot be read`. @returns the error itself where it is not one of a system call
 */
export function fileProblem(error: unknown, what: string, hint: string): unknown {
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  // Node writes `ENOENT: no such file or directory, open '/x'`.
  const [, reason = error.message] = /^[A-Z]\w*: (.*?), \w+/.exec(error.message) ?? [];
  return new KinsyncError("KINSYNC_USAGE", `${what}: ${reason}`, { hint, cause: error });
}
