import { lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import type { PathStatus, TransportEnvironment } from "./environment.ts";

/** The part of a `TransportEnvironment` that reads and writes the container's files. */
export type FileAccess = Required<
  Pick<TransportEnvironment, "lstat" | "readFile" | "list" | "writeFile" | "makeDirectory" | "makeLink">
>;

/**
 * Access to files of a container that this machine can reach: in a folder, on a mount, or below `/proc/PID/root`.
 * @param locate the local path of an absolute path in the container. Called each time, since a restart may change it
 */
export function localFileAccess(locate: (path: string) => string): FileAccess {
  return {
    lstat: (path) => pathStatus(locate(path)),
    readFile: (path) => readFile(locate(path)),
    list: (path) => readdir(locate(path)),
    writeFile: (path, bytes) => writeFile(locate(path), bytes),
    makeDirectory: async (path) => {
      await mkdir(locate(path));
    },
    makeLink: (target, path) => symlink(target, locate(path)),
  };
}

async function pathStatus(path: string): Promise<PathStatus | undefined> {
  try {
    const status = await lstat(path);
    const common = { mode: status.mode & 0o7777, size: status.size, mtime: status.mtimeMs };
    if (status.isSymbolicLink()) return { type: "link", ...common, target: await readlink(path) };
    return { type: status.isFile() ? "file" : status.isDirectory() ? "directory" : "other", ...common };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** A path below a file is missing, too. */
function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}
