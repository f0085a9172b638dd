import { hash } from "node:crypto";

/** One path of a tree: POSIX, relative to the mapping's `from`. For the mapping of a single file the path is the file's name in the container. */
export type TreeEntry = FileEntry | DirectoryEntry | LinkEntry;

export interface FileEntry {
  readonly type: "file";
  readonly path: string;
  /** Permission bits, `0o000` to `0o777`. */
  readonly mode: number;
  /** Bytes. */
  readonly size: number;
  /** sha256 of the content, hex. */
  readonly digest: string;
}

export interface DirectoryEntry {
  readonly type: "directory";
  readonly path: string;
  readonly mode: number;
}

export interface LinkEntry {
  readonly type: "link";
  readonly path: string;
  readonly target: string;
}

/** The files that a container should hold for one mapping: the settled state of its local files. Sorted by path, bytewise; immutable. */
export interface Tree {
  readonly shape: "directory" | "file";
  readonly entries: ReadonlyMap<string, TreeEntry>;
  /** sha256 over the sorted entries (type, path, mode, digest or target), folder by folder: equal digests mean equal trees. */
  readonly digest: string;
  readonly files: number;
  readonly bytes: number;
}

const UTF16_SURROGATES = 0xd800;

/** True for lists of the same paths in the same order. */
export function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((each, at) => each === other[at]);
}

/**
 * Order of paths in a tree: that of their UTF-8 bytes. `<` on strings has another order for a character beyond U+FFFF and one
 * between U+E000 and U+FFFF.
 * @returns negative, zero or positive, as for `Array.sort`
 */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) {
      return left >= UTF16_SURROGATES && right >= UTF16_SURROGATES
        ? codePointRank(left) - codePointRank(right)
        : left - right;
    }
  }
  return a.length - b.length;
}

/** Moves the surrogates, which encode U+10000 and up, behind U+FFFF. */
function codePointRank(unit: number): number {
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

/** Makes a tree of entries in any order. Of two entries with the same path the later one counts. */
export function createTree(shape: Tree["shape"], entries: Iterable<TreeEntry>): Tree {
  const byPath = new Map<string, TreeEntry>();
  for (const entry of entries) byPath.set(entry.path, entry);
  const sorted = [...byPath.values()].sort((a, b) => comparePaths(a.path, b.path));
  return sealTree(shape, new Map(sorted.map((entry) => [entry.path, entry])));
}

/**
 * Applies changes to a tree. `undefined` removes a path (that path alone, not the paths below it). Costs one pass without sorting
 * all entries again: about 2 ms for 10,000 entries.
 * @returns `previous` itself if nothing changes
 */
export function updateTree(previous: Tree, changes: ReadonlyMap<string, TreeEntry | undefined>): Tree {
  const added: TreeEntry[] = [];
  const removed = new Set<string>();
  const replaced: TreeEntry[] = [];
  for (const [path, entry] of changes) {
    const before = previous.entries.get(path);
    if (entry === undefined) {
      if (before !== undefined) removed.add(path);
    } else if (before === undefined) {
      added.push(entry);
    } else if (!isSameEntry(before, entry)) {
      replaced.push(entry);
    }
  }
  if (added.length === 0 && removed.size === 0 && replaced.length === 0) return previous;

  let entries: Map<string, TreeEntry>;
  if (added.length === 0 && removed.size === 0) {
    entries = new Map(previous.entries);
  } else {
    added.sort((a, b) => comparePaths(a.path, b.path));
    entries = new Map();
    let next = 0;
    for (const [path, entry] of previous.entries) {
      for (
        let insert = added[next];
        insert !== undefined && comparePaths(insert.path, path) < 0;
        insert = added[next]
      ) {
        entries.set(insert.path, insert);
        next++;
      }
      if (!removed.has(path)) entries.set(path, entry);
    }
    for (const entry of added.slice(next)) entries.set(entry.path, entry);
  }
  // Setting an existing key keeps its position.
  for (const entry of replaced) entries.set(entry.path, entry);

  const before = folderDigests.get(previous);
  if (before === undefined) return sealTree(previous.shape, entries);
  const folders = new Set([...added, ...replaced].map((entry) => folderOf(entry.path)));
  for (const path of removed) folders.add(folderOf(path));
  const updated = digestFolders(entries.values(), folders);
  const isSameSet = [...folders].every((folder) => before.has(folder) && updated.has(folder));
  const digests = isSameSet
    ? new Map([...before, ...updated])
    : sortFolders(new Map([...[...before].filter(([folder]) => !folders.has(folder)), ...updated]));
  return sealTree(previous.shape, entries, digests);
}

/**
 * Digest of the entries of a tree, in its order: sha256, hex. The entries of each folder have a digest of their own, over
 * type, path, mode and content digest or link target, each ended by a NUL, which none of them can contain; the
 * tree's digest is computed over those. So the cost of a change depends on the size of its folder only.
 */
export function treeDigest(sorted: Iterable<TreeEntry>): string {
  return digestOfFolders(digestFolders(sorted));
}

/** The sorted digests of the folders of each tree, so that the next tree computes those of changed folders only. */
const folderDigests = new WeakMap<Tree, ReadonlyMap<string, string>>();

function digestFolders(sorted: Iterable<TreeEntry>, only?: ReadonlySet<string>): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const entry of sorted) {
    const folder = folderOf(entry.path);
    if (only === undefined || only.has(folder)) texts.set(folder, (texts.get(folder) ?? "") + textOf(entry));
  }
  const digests = new Map<string, string>();
  for (const [folder, text] of texts) digests.set(folder, hash("sha256", text));
  return sortFolders(digests);
}

function sortFolders(digests: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...digests].sort(([a], [b]) => comparePaths(a, b)));
}

function digestOfFolders(digests: ReadonlyMap<string, string>): string {
  let text = "";
  for (const [folder, digest] of digests) text += `${folder}\0${digest}\0`;
  return hash("sha256", text);
}

function textOf(entry: TreeEntry): string {
  if (entry.type === "file") return `file\0${entry.path}\0${entry.mode.toString(8)}\0${entry.digest}\0`;
  if (entry.type === "directory") return `directory\0${entry.path}\0${entry.mode.toString(8)}\0`;
  return `link\0${entry.path}\0${entry.target}\0`;
}

function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "" : path.slice(0, slash);
}

/**
 * The tree without some paths and all paths below them: those of a more specific mapping.
 * @param excluded paths as in the tree; the empty path means everything
 * @returns `tree` itself if it has none of them
 */
export function projectTree(tree: Tree, excluded: readonly string[]): Tree {
  if (excluded.length === 0) return tree;
  const paths = new Set(excluded);
  const entries = new Map<string, TreeEntry>();
  for (const [path, entry] of tree.entries) {
    if (!isAtOrBelow(path, paths)) entries.set(path, entry);
  }
  return entries.size === tree.entries.size ? tree : sealTree(tree.shape, entries);
}

/** Whether a path is one of `roots` or below one of them. The empty root has everything below it. */
export function isAtOrBelow(path: string, roots: ReadonlySet<string>): boolean {
  if (roots.size === 0) return false;
  if (roots.has(path) || roots.has("")) return true;
  for (let slash = path.lastIndexOf("/"); slash !== -1; slash = path.lastIndexOf("/", slash - 1)) {
    if (roots.has(path.slice(0, slash))) return true;
    if (slash === 0) break;
  }
  return false;
}

/** Paths that were added, changed or removed between `before` and `after`, sorted as in a tree. All paths if there is no `before`. */
export function diffTrees(before: Tree | undefined, after: Tree): readonly string[] {
  if (before === undefined) return [...after.entries.keys()];
  if (before.digest === after.digest) return [];
  const changed: string[] = [];
  for (const [path, entry] of after.entries) {
    const was = before.entries.get(path);
    if (was === undefined || !isSameEntry(was, entry)) changed.push(path);
  }
  for (const path of before.entries.keys()) {
    if (!after.entries.has(path)) changed.push(path);
  }
  return changed.sort(comparePaths);
}

/** Whether two entries of one path are equal in the container. */
export function isSameEntry(a: TreeEntry, b: TreeEntry): boolean {
  if (a === b) return true;
  if (a.type === "file") return b.type === "file" && a.digest === b.digest && a.mode === b.mode;
  if (a.type === "directory") return b.type === "directory" && a.mode === b.mode;
  return b.type === "link" && a.target === b.target;
}

function sealTree(
  shape: Tree["shape"],
  entries: ReadonlyMap<string, TreeEntry>,
  digests: ReadonlyMap<string, string> = digestFolders(entries.values()),
): Tree {
  let files = 0;
  let bytes = 0;
  for (const entry of entries.values()) {
    if (entry.type === "file") {
      files++;
      bytes += entry.size;
    }
  }
  const tree: Tree = { shape, entries, digest: digestOfFolders(digests), files, bytes };
  folderDigests.set(tree, digests);
  return tree;
}
