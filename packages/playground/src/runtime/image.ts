// Images: what a container's files are created from.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, copyFile, cp, link, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/** What the node provides to an image. */
export interface ImageTools {
  readonly confined: boolean;
  /** A folder with a static busybox and a symlink for every applet of it; absent in unconfined mode. */
  readonly appletFolder?: string;
}

/** A folder of the machine that is mounted read-only in a confined container. */
export interface MachineFolder {
  /** Absolute path on the machine. */
  readonly from: string;
  /** Absolute path in the container. */
  readonly to: string;
}

/**
 * An image: how the files of a new container are created, and the default command.
 *
 * Give `folder` (a tree that is copied) or `fill` (a function that writes into the empty root) or both; `fill` runs last.
 */
export interface ImageTemplate {
  readonly folder?: string;
  readonly fill?: (root: string, tools: ImageTools) => Promise<void> | void;
  /** The entry point; the pod's `command` replaces it. Default: none. */
  readonly command?: readonly string[];
  /** The pod's `args` replace them, and its `command` empties them. Default: none. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Absolute. Default `/`. Created if it is missing. */
  readonly workingDir?: string;
  /** Parts of the machine to show in a confined container (unconfined ones see the whole machine anyway). */
  readonly machineFolders?: (tools: ImageTools) => readonly MachineFolder[];
}

/**
 * Finds an image by its whole name, else without tag or digest, else without registry host.
 *
 * @returns `undefined` if no such image is registered (a pod then waits with `ErrImagePull`).
 */
export function findImage(images: Readonly<Record<string, ImageTemplate>>, name: string): ImageTemplate | undefined {
  const bare = name.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  const [host, ...rest] = bare.split("/");
  const path = rest.length > 0 && host !== undefined && /[.:]|^localhost$/.test(host) ? rest.join("/") : bare;
  for (const candidate of [name, bare, path, path.replace(/^library\//, "")]) {
    if (Object.hasOwn(images, candidate)) return images[candidate];
  }
  return undefined;
}

/** Creates the files of a new container in the empty folder `root`. */
export async function unpackImage(image: ImageTemplate, root: string, tools: ImageTools): Promise<void> {
  if (image.folder !== undefined) await cp(image.folder, root, { recursive: true, verbatimSymlinks: true });
  await image.fill?.(root, tools);
  await mkdir(join(root, image.workingDir ?? "/"), { recursive: true });
}

/**
 * The built-in images.
 *
 * - `playground/busybox` (also as `busybox`): `/bin` with every busybox applet (read-only, one for all containers: copying 270 links
 *   would be the most expensive part of a start), `/app` as working directory.
 * - `playground/machine`: `/usr` of this machine, read-only, with its sh, tar, perl or python3 if they exist; always with a `/bin/sh`.
 * - `playground/empty`: no shell and no tool, only a static `/busybox`, to be called as `/busybox APPLET`.
 *
 * In unconfined mode all three are empty folders, and commands are the machine's own.
 */
export function defaultImages(): Record<string, ImageTemplate> {
  const busybox: ImageTemplate = {
    fill: fillBase,
    command: ["sh"],
    env: { PATH: "/usr/local/bin:/bin" },
    workingDir: "/app",
    machineFolders: ({ appletFolder }) => (appletFolder === undefined ? [] : [{ from: appletFolder, to: "/bin" }]),
  };
  const machine: ImageTemplate = {
    fill: fillMachine,
    command: ["sh"],
    env: { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" },
    workingDir: "/app",
    machineFolders,
  };
  const empty: ImageTemplate = {
    fill: fillEmpty,
    command: ["/busybox", "sleep", "2147483647"],
    env: { PATH: "/" },
    workingDir: "/app",
  };
  return { "playground/busybox": busybox, busybox, "playground/machine": machine, "playground/empty": empty };
}

const baseFolders = ["app", "etc", "proc", "dev", "root", "tmp", "var"];

async function fillBase(root: string): Promise<void> {
  for (const folder of baseFolders) await mkdir(join(root, folder), { recursive: true });
  await chmod(join(root, "tmp"), 0o1777);
  await writeFile(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  await writeFile(join(root, "etc/group"), "root:x:0:\n");
}

async function fillMachine(root: string, tools: ImageTools): Promise<void> {
  await fillBase(root);
  if (!tools.confined) return;
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    if (existsSync(join("/usr", name))) await symlink(`usr/${name}`, join(root, name));
  }
}

async function fillEmpty(root: string, tools: ImageTools): Promise<void> {
  await fillBase(root);
  if (tools.appletFolder !== undefined) await place(join(tools.appletFolder, "busybox"), join(root, "busybox"));
}

function machineFolders(): readonly MachineFolder[] {
  return ["/usr", "/etc/alternatives"]
    .filter((folder) => existsSync(folder))
    .map((folder) => ({ from: folder, to: folder }));
}

async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  try {
    await link(from, to);
  } catch {
    await copyFile(from, to);
  }
}

/** Creates the folder {@link ImageTools.appletFolder}. */
export async function makeAppletFolder(folder: string, busybox: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await copyFile(busybox, join(folder, "busybox"));
  const { stdout } = await promisify(execFile)(busybox, ["--list"], { timeout: 10_000 });
  for (const applet of stdout.split("\n")) {
    if (applet !== "" && applet !== "busybox") await symlink("busybox", join(folder, applet));
  }
}
