import { relative, sep } from "node:path";
import type { IgnoreRules } from "../ignore/ignore-rules.ts";

/** Makes a path of this machine a path as in a tree. */
export function toPosix(path: string): string {
  return sep === "/" ? path : path.replaceAll(sep, "/");
}

/**
 * The path of a tree that an event is about.
 * @param base absolute path of the watched folder, without links
 * @returns the empty path for the root itself; `undefined` if the path is ignored and cannot change the tree
 */
export function treePathOf(base: string, path: string, rules: IgnoreRules): string | undefined {
  if (path === base) return "";
  const inside = relative(base, path);
  // While the source is missing, the nearest folder above it is watched: its events concern the root.
  if (inside.startsWith("..") && (inside === ".." || inside[2] === sep)) return "";
  const posix = toPosix(inside);
  return canBeSkipped(rules, posix, undefined) ? undefined : posix;
}

/**
 * Whether changes of a path cannot change the tree.
 * @param isDirectory `undefined` if it is not known
 */
export function canBeSkipped(rules: IgnoreRules, path: string, isDirectory: boolean | undefined): boolean {
  const slash = path.lastIndexOf("/");
  if (isDirectory !== true && rules.isRuleFile(slash === -1 ? "" : path.slice(0, slash), path.slice(slash + 1))) {
    return slash !== -1 && rules.ignores(path.slice(0, slash), true);
  }
  if (isDirectory !== undefined) return rules.ignores(path, isDirectory);
  return rules.ignores(path, false) && rules.ignores(path, true);
}
