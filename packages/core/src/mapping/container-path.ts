import { hash } from "node:crypto";
import { basename, posix } from "node:path";
import type { ResolvedMapping } from "./mapping.ts";

/** Where the files of a mapping go in a container, in a form that can be compared. */
export interface ContainerPath {
  /** Of the mapping: decides between two mappings with the same path. */
  readonly id: string;
  /** POSIX path of the folder that entry paths are relative to (`RootSpec.path`): for a single file its parent folder. Normalized. */
  readonly path: string;
  readonly shape: "directory" | "file";
  /** Name of the entry of a single file in that folder. For a folder: the name that it would have as a file. */
  readonly fileName: string;
  /** POSIX path of what is mapped: `path`, and for a single file `path/fileName`. */
  readonly full: string;
  /** Name of the mapping's part of the state directory (`RootSpec.key`): the same in every run, different for different `full`. */
  readonly key: string;
}

/**
 * Where the files of a mapping go. A folder's content goes to `to`. A file goes to `to` itself, or under its own name into `to` if
 * that ends in a slash (or is `/`, `.` or `..`), as with cp.
 * @param sourceIsFile whether `from` is a single file
 */
export function containerPath(
  mapping: Pick<ResolvedMapping, "id" | "from" | "to" | "toIsFolder">,
  sourceIsFile: boolean,
): ContainerPath {
  const to = normalizeContainerPath(mapping.to);
  const last = posix.basename(to);
  const intoFolder = mapping.toIsFolder || last === "" || last === "." || last === "..";
  const fileName = intoFolder ? basename(mapping.from) : last;
  const { id } = mapping;
  if (!sourceIsFile) return { id, path: to, shape: "directory", fileName, full: to, key: stateKey(to) };
  const path = intoFolder ? to : posix.dirname(to);
  const full = posix.join(path, fileName);
  return { id, path, shape: "file", fileName, full, key: stateKey(full) };
}

/** Without `.`, `..` inside, double and trailing slashes. A relative path stays relative; the empty one becomes `.`. */
export function normalizeContainerPath(path: string): string {
  const normal = posix.normalize(path);
  if (normal === "/" || normal === "//") return "/";
  return normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

/** The absolute path in a container with this working directory; the path itself if the directory is not known. */
export function resolveIn(workingDirectory: string | undefined, path: string): string {
  if (workingDirectory === undefined || posix.isAbsolute(path)) return path;
  return normalizeContainerPath(posix.join(workingDirectory, path));
}

/** A readable name with the digest of the path, so that it is unique. */
export function stateKey(path: string): string {
  const name = posix
    .basename(path)
    .replaceAll(/[^A-Za-z0-9_-]+/g, "-")
    .slice(0, 32);
  return `${name === "" ? "root" : name}-${hash("sha256", path).slice(0, 16)}`;
}
