import type { SourceState } from "./source.ts";

/** Types of file systems (statfs) that do not tell of changes that another machine makes: NFS, SMB, CIFS, SMB2, 9p, FUSE, vboxsf. */
const REMOTE = new Set([0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x65735546, 0x786f4256]);

/** Whether changes in a file system may come without an event. */
export function isRemoteFileSystem(type: number): boolean {
  return process.platform === "linux" && REMOTE.has(type);
}

/** What to say where the system allows no more watches; `undefined` for other errors. */
export function watchLimitNote(error: Error): string | undefined {
  const code = "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOSPC":
      return "the system's limit of watched folders is reached: raise fs.inotify.max_user_watches (sudo sysctl fs.inotify.max_user_watches=524288)";
    case "EMFILE":
    case "ENFILE":
      return "the system's limit of watchers or open files is reached: raise fs.inotify.max_user_instances (sudo sysctl fs.inotify.max_user_instances=512) or ulimit -n";
    default:
      return undefined;
  }
}

/** Whether nobody needs to be told of the second state after the first. */
export function isSameState(a: SourceState, b: SourceState): boolean {
  if (a.state === "present") {
    return (
      b.state === "present" &&
      a.tree === b.tree &&
      a.content === b.content &&
      a.isIgnored === b.isIgnored &&
      a.problems.length === b.problems.length &&
      a.problems.every((problem, index) => problem.message === b.problems[index]?.message)
    );
  }
  if (a.state === "unreadable") return b.state === "unreadable" && a.error.message === b.error.message;
  if (a.state === "retyped") return b.state === "retyped" && a.was === b.was;
  return a.state === b.state;
}
