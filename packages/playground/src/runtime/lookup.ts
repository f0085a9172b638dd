// Finds a program in a container's root from outside, as its shell would.

import { lstat, readlink, stat } from "node:fs/promises";
import { join, posix } from "node:path";

const symlinkLimit = 40;

/**
 * @param root - the container's root, for this process.
 * @param command - a name (searched in PATH) or a path; a relative path starts at `workingDir`.
 * @returns true if it is an executable file in the container.
 */
export async function isExecutable(
  root: string,
  command: string,
  options: { readonly path: string; readonly workingDir: string },
): Promise<boolean> {
  const candidates = command.includes("/")
    ? [posix.resolve("/", options.workingDir, command)]
    : options.path.split(":").map((folder) => posix.resolve("/", options.workingDir, folder, command));
  for (const candidate of candidates) {
    if (await executableFile(root, candidate)) return true;
  }
  return false;
}

async function executableFile(root: string, path: string): Promise<boolean> {
  const place = await resolveInRoot(root, path);
  if (place === undefined) return false;
  try {
    const stats = await stat(join(root, place));
    return stats.isFile() && (stats.mode & 0o111) !== 0;
  } catch {
    return false;
  }
}

/** Follows symlinks as if `root` were `/`. @returns the path within root without symlinks; `undefined` if it is missing. */
async function resolveInRoot(root: string, path: string): Promise<string | undefined> {
  let left = path.split("/").filter((part) => part !== "");
  let done = "/";
  for (let followed = 0; left.length > 0;) {
    const [part = "", ...rest] = left;
    left = rest;
    const next = posix.join(done, part);
    let target: string | undefined;
    try {
      const stats = await lstat(join(root, next));
      target = stats.isSymbolicLink() ? await readlink(join(root, next)) : undefined;
    } catch {
      // It is missing, or the container ended meanwhile, and its root with it.
      return undefined;
    }
    if (target === undefined) {
      done = next;
      continue;
    }
    followed += 1;
    if (followed > symlinkLimit) return undefined;
    if (target.startsWith("/")) done = "/";
    left = [...target.split("/").filter((piece) => piece !== ""), ...left];
  }
  return done;
}
