import { posix } from "node:path";
import { KinsyncError } from "../errors/error.ts";
import { normalizeContainerPath } from "./container-path.ts";

/** Folders that hold the image's system: their content is never a project's. Folders below them may be mapped. */
const SYSTEM_FOLDERS: ReadonlySet<string> = new Set([
  "/",
  "/bin",
  "/boot",
  "/dev/shm",
  "/etc",
  "/home",
  "/root",
  "/run",
  "/run/secrets",
  "/sbin",
  "/usr",
  "/usr/bin",
  "/usr/include",
  "/usr/lib",
  "/usr/libexec",
  "/usr/local",
  "/usr/local/bin",
  "/usr/local/lib",
  "/usr/local/sbin",
  "/usr/sbin",
  "/usr/share",
  "/var",
  "/var/lib",
  "/var/run",
  "/var/run/secrets",
]);

/** `/lib`, `/lib64`, `/usr/lib32` and the like. */
const LIBRARIES = /^(?:\/usr)?\/lib(?:32|64|x32)?$/;
/** The folder of one user. */
const HOME = /^\/home\/[^/]+$/;
/** File systems of the kernel: nothing below them is a file of anybody. `/dev/shm` is memory that programs share. */
const KERNEL = /^\/(?:dev|proc|sys)(?:\/|$)/;

/**
 * Why a mapping may not have this path as its mapped path; `undefined` where it may. Pure.
 * @param path absolute POSIX path: of the mapped folder, or of the mapped single file itself
 */
export function systemFolderAt(path: string, shape: "directory" | "file"): string | undefined {
  const at = normalizeContainerPath(path);
  if (at === "/") return "the root of the container";
  if (KERNEL.test(at) && !at.startsWith("/dev/shm/") && at !== "/dev/shm") return "a file system of the kernel";
  if (at === "/root" || at === "/home" || HOME.test(at))
    return shape === "file" && HOME.test(at) ? undefined : "a home folder";
  if (SYSTEM_FOLDERS.has(at) || LIBRARIES.test(at)) return "a system folder";
  return undefined;
}

/** @param where what names the path: `kinsync.config.yaml:4:7: workloads[0].sync[1].to`, or a target and a mapping */
export function systemFolderError(where: string, path: string, what: string): KinsyncError {
  return new KinsyncError("KINSYNC_CONFIG_SYSTEM_FOLDER", `${where} is ${JSON.stringify(path)}, ${what}`, {
    hint: `Map to a folder below it, such as \`${posix.join(path, "app")}\`, or map single files into it.`,
    details: { path },
  });
}
