const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "the disk quota is used up",
  EEXIST: "something else is in its place",
  EFBIG: "the file size limit is reached (`ulimit -f`)",
  EIO: "the disk reported an input/output error",
  EISDIR: "it is a folder",
  EMFILE: "too many open files",
  ENFILE: "too many open files",
  ENOENT: "it does not exist",
  ENOSPC: "no space left on the disk",
  ENOTDIR: "a parent is not a folder",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
};

/** Why a system call failed, in words, without the call and the path that Node adds to its messages. */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!("code" in error) || typeof error.code !== "string") return error.message;
  return REASONS[error.code] ?? error.message.replace(/, \w+(?: '.*)?$/s, "");
}
