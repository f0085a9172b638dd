// The shell text that turns a folder into a container's root. It runs as PID 1 of the container, and ends by becoming the container's command.

/** One mount below the container's root. Targets are absolute paths in the container, sources absolute paths of the machine. */
export type ContainerMount =
  | { readonly kind: "folder"; readonly source: string; readonly target: string; readonly readOnly: boolean }
  | { readonly kind: "file"; readonly source: string; readonly target: string; readonly readOnly: boolean }
  | { readonly kind: "tmpfs"; readonly target: string; readonly sizeBytes?: number; readonly readOnly: boolean };

export interface ConfinedScriptOptions {
  /** Static, absolute path on the machine. */
  readonly busybox: string;
  readonly root: string;
  readonly hostname: string;
  readonly workingDir: string;
  readonly mounts: readonly ContainerMount[];
  readonly readOnlyRoot: boolean;
  /** `UID:GID`; root where absent. */
  readonly user?: string;
}

/** Quotes a word for a POSIX shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Where a busybox is while the root is being set up (and afterwards where the container runs as a user of its own). */
const innerBusybox = "/dev/.playground/busybox";

/**
 * The script takes the command as its arguments, and writes to file descriptor 3: `pid N` (its PID as the machine sees it),
 * then `ready`, or `missing` where the command is not in the image (and ends with 127). The command's standard error is file descriptor 4;
 * what comes on the script's own is about the set-up.
 *
 * Mounts are made after the pivot, so that a symlink in the image can lead nowhere but into the image.
 */
export function confinedScript(options: ConfinedScriptOptions): string {
  const outer = quote(options.busybox);
  const lines = [
    "set -e",
    "umask 022",
    "read -r pid rest </proc/self/stat",
    'echo "pid $pid" >&3',
    `B=${outer}`,
    `$B hostname ${quote(options.hostname)}`,
    `$B mount --bind ${quote(options.root)} ${quote(options.root)}`,
    `cd ${quote(options.root)}`,
    "$B mkdir -p dev proc",
    "$B mount -t tmpfs -o nosuid,mode=755,size=64m tmpfs dev",
    "$B mkdir dev/.playground dev/.machine",
    "$B cp $B dev/.playground/busybox",
    "$B pivot_root . dev/.machine",
    `exec ${innerBusybox} sh -c ${quote(innerScript(options))} sh "$@"`,
  ];
  return lines.join("\n");
}

function innerScript(options: ConfinedScriptOptions): string {
  const lines = ["set -e", `B=${innerBusybox}`, "M=/dev/.machine", "cd /", "$B mount -t proc -o nosuid,nodev,noexec proc /proc"];
  for (const device of ["null", "zero", "full", "random", "urandom", "tty"]) {
    lines.push(`: >/dev/${device}; $B mount --bind $M/dev/${device} /dev/${device}`);
  }
  lines.push(
    "$B ln -s /proc/self/fd /dev/fd",
    "$B ln -s /proc/self/fd/0 /dev/stdin",
    "$B ln -s /proc/self/fd/1 /dev/stdout",
    "$B ln -s /proc/self/fd/2 /dev/stderr",
    "$B mkdir /dev/shm",
    "$B mount -t tmpfs -o nosuid,nodev,noexec,mode=1777,size=64m shm /dev/shm",
  );
  // Parents before what is below them.
  const mounts = [...options.mounts].sort((a, b) => a.target.split("/").length - b.target.split("/").length);
  for (const mount of mounts) lines.push(...mountLines(mount));
  lines.push("$B umount -l $M", "$B rmdir $M");
  if (options.readOnlyRoot) lines.push("$B mount -o remount,bind,ro / 2>/dev/null || $B mount -o remount,bind,ro,nosuid,nodev /");
  lines.push(`$B mkdir -p ${quote(options.workingDir)} 2>/dev/null || :`, `cd ${quote(options.workingDir)}`);
  // With a path, since a busybox shell would run an applet of its own instead of a program of the image that has the same name.
  lines.push('c=$($B which "$1") || { echo missing >&3; exit 127; }', "shift");
  const start = ["echo ready >&3", "exec 2>&4 3>&- 4>&-"];
  if (options.user === undefined) {
    lines.push("$B rm -rf /dev/.playground", ...start, 'exec "$c" "$@"');
  } else {
    lines.push(...start, `exec $B start-stop-daemon -S -q -p /dev/.playground/none -c ${quote(options.user)} -a "$c" -- "$@"`);
  }
  return lines.join("\n");
}

function mountLines(mount: ContainerMount): string[] {
  const target = quote(mount.target);
  if (mount.kind === "tmpfs") {
    const size = mount.sizeBytes === undefined ? "" : `,size=${mount.sizeBytes}`;
    return [`$B mkdir -p ${target}`, `$B mount -t tmpfs -o mode=777${size}${mount.readOnly ? ",ro" : ""} tmpfs ${target}`];
  }
  const make =
    mount.kind === "folder"
      ? `$B mkdir -p ${target}`
      : `[ -e ${target} ] || { $B mkdir -p ${quote(mount.target.replace(/\/[^/]*$/, "") || "/")}; : >${target}; }`;
  const lines = [make, `$B mount --${mount.kind === "folder" ? "rbind" : "bind"} $M${quote(mount.source)} ${target}`];
  if (mount.readOnly) {
    // In a user namespace the flags that the machine's mount has must be kept.
    lines.push(
      `$B mount -o remount,bind,ro ${target} 2>/dev/null || $B mount -o remount,bind,ro,nosuid,nodev ${target} 2>/dev/null || $B mount -o remount,bind,ro,nosuid,nodev,noexec ${target}`,
    );
  }
  return lines;
}
