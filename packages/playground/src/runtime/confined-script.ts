// The shell text that turns a folder into a container's root. It runs as PID 1 of the container, and ends by becoming the container's command.

import { devices } from "./device-template.ts";

/** One mount below the container's root. Targets are absolute, normalized paths in the container, sources absolute paths of the machine. */
export type ContainerMount =
  | { readonly kind: "folder"; readonly source: string; readonly target: string; readonly readOnly: boolean }
  | { readonly kind: "file"; readonly source: string; readonly target: string; readonly readOnly: boolean }
  | { readonly kind: "tmpfs"; readonly target: string; readonly sizeBytes?: number; readonly readOnly: boolean };

export interface ConfinedScriptOptions {
  /** Static, absolute path on the machine. */
  readonly busybox: string;
  /** See {@link makeDeviceTemplate}. */
  readonly deviceTemplate: string;
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

/** Path of a busybox while the root is set up (and afterwards, if the container runs as another user). */
const innerBusybox = "/dev/.playground/busybox";

/**
 * The script takes the command as its arguments, and writes to file descriptor 3: `pid N` (its PID as the machine sees it),
 * then `ready`, or `missing` if the command is not in the image (and ends with 127). The command's standard error is file descriptor 4;
 * the script's own standard error is about the set-up.
 *
 * Mounts follow the pivot, so that a symlink in the image cannot lead out of the image.
 * Every step that is not a shell builtin costs a process, and many containers start at once: hence few steps.
 */
export function confinedScript(options: ConfinedScriptOptions): string {
  const hostname = quote(options.hostname);
  const lines = [
    "set -e",
    "umask 022",
    "read -r pid rest </proc/self/stat",
    'echo "pid $pid" >&3',
    `B=${quote(options.busybox)}`,
    `{ echo ${hostname} >/proc/sys/kernel/hostname; } 2>/dev/null || $B hostname ${hostname}`,
    `$B mount --bind ${quote(options.root)} ${quote(options.root)}`,
    `cd ${quote(options.root)}`,
    "[ -d dev ] && [ -d proc ] || $B mkdir -p dev proc",
    "$B mount -t tmpfs -o nosuid,mode=755,size=64m tmpfs dev",
    `$B cp -a ${quote(options.deviceTemplate)}/. dev`,
    "$B pivot_root . dev/.machine",
    `exec ${innerBusybox} sh -c ${quote(innerScript(options))} sh "$@"`,
  ];
  return lines.join("\n");
}

/** A mount point and its line of a table of mounts. */
interface MountStep {
  readonly target: string;
  readonly line: string;
  /** Shell commands that create the mount point. */
  readonly create: readonly string[];
  /** Shell commands after the mount. */
  readonly finish: readonly string[];
}

/** Mounts that every container has. */
const baseMounts: readonly MountStep[] = [
  "proc /proc proc nosuid,nodev,noexec",
  ...devices.map((device) => `/dev/.machine/dev/${device} /dev/${device} none bind`),
  "shm /dev/shm tmpfs nosuid,nodev,noexec,mode=1777,size=64m",
].map((line) => ({ target: line.split(" ")[1] ?? "", line, create: [], finish: [] }));

/**
 * Mounts in layers: those of a layer are mounted below those of the layers before. A mount point is created in the volume
 * that it is below, and not in the image, where that volume hides it.
 */
function mountLayers(mounts: readonly ContainerMount[]): readonly (readonly MountStep[])[] {
  const steps = [
    ...baseMounts,
    ...mounts.map((mount) => ({
      target: mount.target,
      line: tableLine(mount),
      create: targetLines(mount),
      finish: readOnlyLines(mount),
    })),
  ];
  const layers: MountStep[][] = [];
  // Parents before what is below them; the sort is stable.
  for (const step of steps.toSorted((a, b) => depthOf(a.target) - depthOf(b.target))) {
    const below = layers.findLastIndex((layer) => layer.some(({ target }) => step.target.startsWith(`${target}/`)));
    (layers[below + 1] ??= []).push(step);
  }
  return layers;
}

function depthOf(path: string): number {
  return path.split("/").length;
}

function layerLines(layer: readonly MountStep[]): readonly string[] {
  return [
    ...layer.flatMap(({ create }) => create),
    `echo ${quote(layer.map(({ line }) => line).join("\n"))} >/dev/.playground/table`,
    "$B mount -a -T /dev/.playground/table",
    ...layer.flatMap(({ finish }) => finish),
  ];
}

function innerScript(options: ConfinedScriptOptions): string {
  const wd = quote(options.workingDir);
  const lines = [
    "set -e",
    `B=${innerBusybox}`,
    "cd /",
    ...mountLayers(options.mounts).flatMap(layerLines),
    "$B umount -l /dev/.machine",
    `[ -d ${wd} ] || $B mkdir -p ${wd} 2>/dev/null || :`,
    ...(options.user === undefined ? [] : passwdLines(options.user)),
    ...(options.readOnlyRoot ? [remountReadOnly("/")] : []),
    `cd ${wd}`,
    // By its path, because a busybox shell would run its own applet instead of the image's program of the same name.
    "case $1 in",
    '*/*) c=$1; [ -f "$c" ] && [ -x "$c" ] || c= ;;',
    '*) c=; o=$IFS; IFS=:; for d in $PATH; do if [ -f "${d:-.}/$1" ] && [ -x "${d:-.}/$1" ]; then c=${d:-.}/$1; break; fi; done; IFS=$o ;;',
    "esac",
    '[ -n "$c" ] || { echo missing >&3; exit 127; }',
    "shift",
  ];
  const start = ["echo ready >&3", "exec 2>&4 3>&- 4>&-"];
  if (options.user === undefined) {
    lines.push("$B rm -rf /dev/.playground /dev/.machine", ...start, 'exec "$c" "$@"');
  } else {
    lines.push("$B rmdir /dev/.machine", ...start);
    lines.push(`exec $B start-stop-daemon -S -q -p /dev/.playground/none -c ${quote(options.user)} -a "$c" -- "$@"`);
  }
  return lines.join("\n");
}

/** A line of /etc/passwd for the user, as CRI-O adds it: busybox requires an entry. */
function passwdLines(user: string): string[] {
  const line = quote(`user:x:${user}::/:/bin/sh`);
  const known = quote(`^[^:]*:[^:]*:${user.split(":", 1).join("")}:`);
  return ["[ -d /etc ] || $B mkdir /etc", `$B grep -q ${known} /etc/passwd 2>/dev/null || echo ${line} >>/etc/passwd`];
}

function targetLines(mount: ContainerMount): string[] {
  const target = quote(mount.target);
  if (mount.kind !== "file") return [`[ -d ${target} ] || $B mkdir -p ${target}`];
  const parent = quote(mount.target.replace(/\/[^/]*$/, "") || "/");
  return [`[ -e ${target} ] || { [ -d ${parent} ] || $B mkdir -p ${parent}; : >${target}; }`];
}

/** A line of a table of mounts, as in fstab. */
function tableLine(mount: ContainerMount): string {
  const target = escapeField(mount.target);
  if (mount.kind === "tmpfs") {
    const size = mount.sizeBytes === undefined ? "" : `,size=${mount.sizeBytes}`;
    return `tmpfs ${target} tmpfs mode=777${size}${mount.readOnly ? ",ro" : ""}`;
  }
  return `/dev/.machine${escapeField(mount.source)} ${target} none ${mount.kind === "folder" ? "rbind" : "bind"}`;
}

function escapeField(path: string): string {
  return path.replace(/[\s\\#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

function readOnlyLines(mount: ContainerMount): string[] {
  return mount.readOnly && mount.kind !== "tmpfs" ? [remountReadOnly(mount.target)] : [];
}

/** A user namespace must keep the flags of the machine's mount: one of these fits. */
function remountReadOnly(target: string): string {
  return ["ro", "ro,nosuid,nodev", "ro,nosuid,nodev,noexec"]
    .map((flags) => `$B mount -o remount,bind,${flags} ${quote(target)}`)
    .join(" 2>/dev/null || ");
}
