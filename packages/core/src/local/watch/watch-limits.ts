/** Which limit of the operating system to raise after a watch failed; `undefined` if the error has another cause. */
export function watchLimitNote(error: Error): string | undefined {
  const code = "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOSPC":
      return "the system's limit of watched folders is reached: raise fs.inotify.max_user_watches (`sudo sysctl fs.inotify.max_user_watches=524288`)";
    case "EMFILE":
    case "ENFILE":
      return "the system's limit of watchers or open files is reached: raise fs.inotify.max_user_instances (`sudo sysctl fs.inotify.max_user_instances=512`) or `ulimit -n`";
    default:
      return undefined;
  }
}
