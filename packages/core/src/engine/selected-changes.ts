import { isAbsolute, posix, relative, sep } from "node:path";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import { isAtOrBelow, updateTree, type Tree, type TreeEntry } from "../mapping/tree.ts";

/** The changed paths of one mapping, as in its tree. */
export interface ChangedPaths {
  readonly mapping: ResolvedMapping;
  readonly paths: readonly string[];
  /** With the changes. */
  readonly tree: Tree;
}

/**
 * Which changes belong to files that the user named: these paths, what is below them, and the folders above them that are new.
 * @param files absolute local paths
 * @returns paths by id of the mapping
 */
export function selectedChanges(
  changes: readonly ChangedPaths[],
  files: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const selected = new Map<string, readonly string[]>();
  for (const { mapping, paths, tree } of changes) {
    const wanted = new Set(files.flatMap((file) => pathIn(mapping, tree, file) ?? []));
    const found = withParents(paths.filter((path) => isAtOrBelow(path, wanted)));
    if (found.size === 0) continue;
    // Where a folder became something else, all that was in it goes with it.
    const replaced = new Set(paths.filter((path) => found.has(path) && tree.entries.get(path)?.type !== "directory"));
    selected.set(
      mapping.id,
      paths.filter((path) => found.has(path) || isAtOrBelow(path, replaced)),
    );
  }
  return selected;
}

/** `before` with the entries that these paths have in `after`; paths that `after` lacks are removed. */
export function treeWith(before: Tree, after: Tree, paths: readonly string[]): Tree {
  return updateTree(
    before,
    new Map(paths.map((path): [string, TreeEntry | undefined] => [path, after.entries.get(path)])),
  );
}

/** A local path as the mapping's tree has it: "" for everything. `undefined` outside of the mapping. */
function pathIn({ from }: ResolvedMapping, tree: Tree, file: string): string | undefined {
  const inside = relative(from, file);
  if (inside === "") return "";
  const isOutside = inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside);
  return isOutside || tree.shape === "file" ? undefined : inside.split(sep).join("/");
}

/** The paths, and the folders that they are in. */
function withParents(paths: readonly string[]): ReadonlySet<string> {
  const all = new Set<string>();
  for (const path of paths) {
    for (let each = path; each !== "." && !all.has(each); each = posix.dirname(each)) all.add(each);
  }
  return all;
}
