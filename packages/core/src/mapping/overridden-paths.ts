import { posix } from "node:path";
import { resolveIn, type ContainerPath } from "./container-path.ts";
import { comparePaths, isAtOrBelow } from "./tree.ts";

/**
 * Paths of `mapping` that other mappings of the same container win, since their `to` is more specific: relative to its `path`,
 * sorted, none below another. They are neither written nor deleted for `mapping`. The empty path stands for everything: then
 * another mapping wants the very same path, which the config refuses where it can see it; the smaller `id` wins.
 * @param others may hold `mapping` itself, which is skipped by its `id`
 * @param workingDirectory of the container; without it an absolute and a relative path are taken for different places
 */
export function overriddenPaths(
  mapping: ContainerPath,
  others: readonly ContainerPath[],
  workingDirectory?: string,
): readonly string[] {
  const own = resolveIn(workingDirectory, mapping.full);
  const shadows = new Set<string>();
  for (const other of others) {
    if (other.id === mapping.id) continue;
    const path = resolveIn(workingDirectory, other.full);
    if (path === own) {
      // Of one file the entry is named, so that the rest of its parent folder stays out of it.
      if (other.id < mapping.id) shadows.add(mapping.shape === "file" ? mapping.fileName : "");
    } else if (mapping.shape === "directory" && isBelow(path, own)) {
      shadows.add(own === "." ? path : path.slice(own === "/" ? 1 : own.length + 1));
    }
  }
  return [...shadows].filter((path) => !hasAncestorIn(path, shadows)).sort(comparePaths);
}

function isBelow(path: string, folder: string): boolean {
  if (folder === "/") return posix.isAbsolute(path);
  if (folder === ".") return !posix.isAbsolute(path) && path !== ".." && !path.startsWith("../");
  return path.startsWith(`${folder}/`);
}

function hasAncestorIn(path: string, paths: ReadonlySet<string>): boolean {
  const parents = new Set(paths);
  parents.delete(path);
  return isAtOrBelow(path, parents);
}
