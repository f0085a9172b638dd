import { isAbsolute, relative, sep } from "node:path";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import { updateTree, type Tree, type TreeEntry } from "../mapping/tree.ts";

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
    const wanted = files.flatMap((file) => pathIn(mapping, tree, file) ?? []);
    const found = paths.filter((path) => wanted.some((each) => isAtOrBelow(path, each)));
    if (found.length === 0) continue;
    const above = paths.filter((path) => found.some((each) => isAtOrBelow(each, path)));
    // Where a folder became something else, all that was in it goes with it.
    const replaced = above.filter((path) => tree.entries.get(path)?.type !== "directory");
    const all = paths.filter(
      (path) => found.includes(path) || above.includes(path) || replaced.some((each) => isAtOrBelow(path, each)),
    );
    selected.set(mapping.id, all);
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

function isAtOrBelow(path: string, root: string): boolean {
  return root === "" || path === root || path.startsWith(`${root}/`);
}
