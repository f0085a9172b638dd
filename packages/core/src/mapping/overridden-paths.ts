import { posix } from "node:path";
import { resolveIn, type ContainerPath } from "./container-path.ts";
import { comparePaths, isAtOrBelow } from "./tree.ts";

/**
 * Paths of `mapping` that belong to other mappings of the same container, since their `to` is more specific: relative to its
 * `path`, sorted, none below another. `mapping` neither writes nor deletes them. The empty path means everything: then another
 * mapping has the same path, and the smaller `id` wins. The config refuses that if it can detect it.
 * @param others may contain `mapping` itself, which is skipped by its `id`
 * @param workingDirectory of the container; without it an absolute and a relative path count as different
 */
export function overriddenPaths(
  mapping: ContainerPath,
  others: readonly ContainerPath[],
  workingDirectory?: string,
): readonly string[] {
  const own = resolveIn(workingDirectory, mapping.full);
  const overridden = new Set<string>();
  for (const other of others) {
    if (other.id === mapping.id) continue;
    const path = resolveIn(workingDirectory, other.full);
    if (path === own) {
      // For a single file only its entry is overridden, not its parent folder.
      if (other.id < mapping.id) overridden.add(mapping.shape === "file" ? mapping.fileName : "");
    } else if (mapping.shape === "directory" && isBelow(path, own)) {
      overridden.add(own === "." ? path : path.slice(own === "/" ? 1 : own.length + 1));
    }
  }
  return [...overridden].filter((path) => !hasAncestorIn(path, overridden)).sort(comparePaths);
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
