import type { BigIntStats } from "node:fs";
import type { KinsyncError } from "../../errors/error.ts";
import { createTree, updateTree, type Tree, type TreeEntry } from "../../mapping/tree.ts";
import type { LocalContent } from "../read/content.ts";
import { isSameStamp, stampOf, type FileDigest, type Stamp } from "../read/digest.ts";
import type { FolderIdentity } from "./folder-identity.ts";
import { joinPath, splitPath } from "./tree-path.ts";

/** One path of the tree, and the facts that show whether it changed. */
export interface PathRecord {
  readonly entry: TreeEntry;
  /** Of files. */
  readonly stamp?: Stamp;
  /** Of files: see `FileDigest.racy`. */
  readonly racy?: boolean;
  /** Of folders, except for those so young that another folder could get the same identity. */
  readonly identity?: FolderIdentity;
}

/** What the scanner stores of each path, and the tree that it makes of it. */
export class PathRecords {
  readonly #records = new Map<string, PathRecord>();
  readonly #children = new Map<string, Set<string>>();
  readonly #problems = new Map<string, KinsyncError>();
  /** Entries that changed since the last tree; `undefined` for removed ones. */
  readonly #changes = new Map<string, TreeEntry | undefined>();
  /** Paths that changed each time that they were read. */
  readonly unstable = new Set<string>();
  readonly #content: LocalContent;
  #tree: Tree | undefined;

  constructor(content: LocalContent) {
    this.#content = content;
  }

  /** Whether a tree was made before. */
  get hasTree(): boolean {
    return this.#tree !== undefined;
  }

  /** Errors by path. The empty path is the root. */
  get problems(): ReadonlyMap<string, KinsyncError> {
    return this.#problems;
  }

  /** Folders that were listed, the root (the empty path) among them. */
  get folders(): Iterable<string> {
    return this.#children.keys();
  }

  get(path: string): PathRecord | undefined {
    return this.#records.get(path);
  }

  /** Whether the names in a folder are known. */
  isListed(folder: string): boolean {
    return this.#children.has(folder);
  }

  /** Names in a folder; the set changes as records do. */
  childrenOf(folder: string): ReadonlySet<string> {
    return this.#children.get(folder) ?? this.#addFolder(folder);
  }

  /** The next scan reads the file again, whatever its stamp. */
  expire(path: string): void {
    const record = this.#records.get(path);
    if (record?.stamp !== undefined) this.#records.set(path, { ...record, racy: true });
  }

  /** Stores a path of a folder. */
  set(path: string, record: PathRecord): void {
    this.setRoot(path, record);
    const { folder, name } = splitPath(path);
    (this.#children.get(folder) ?? this.#addFolder(folder)).add(name);
  }

  /** Stores the only path of a source that is a single file. */
  setRoot(path: string, record: PathRecord): void {
    const before = this.#records.get(path)?.entry;
    if (before?.type === "file") this.#content.remove(path, before);
    if (record.entry.type === "file") this.#content.add(path, record.entry);
    this.#records.set(path, record);
    this.#changes.set(path, record.entry);
  }

  /**
   * Removes a path and all below it.
   * @returns whether it was a folder
   */
  remove(path: string): boolean {
    const wasFolder = this.removeBelow(path);
    this.#children.delete(path);
    this.#problems.delete(path);
    this.unstable.delete(path);
    const before = this.#records.get(path)?.entry;
    if (before?.type === "file") this.#content.remove(path, before);
    if (this.#records.delete(path)) this.#changes.set(path, undefined);
    const { folder, name } = splitPath(path);
    this.#children.get(folder)?.delete(name);
    return wasFolder;
  }

  /**
   * Removes all below a folder.
   * @returns whether the folder was listed before
   */
  removeBelow(folder: string): boolean {
    const children = this.#children.get(folder);
    if (children === undefined) return false;
    for (const name of children) this.remove(joinPath(folder, name));
    this.forgetProblemsIn(folder, new Set());
    return true;
  }

  /** Removes all below a folder that cannot be listed, and stores why. */
  failFolder(folder: string, problem: KinsyncError): boolean {
    const wasListed = this.removeBelow(folder);
    this.#children.delete(folder);
    this.#problems.set(folder, problem);
    return wasListed;
  }

  setProblem(path: string, problem: KinsyncError): void {
    this.#problems.set(path, problem);
  }

  clearProblem(path: string): void {
    this.#problems.delete(path);
  }

  /** Removes the problems in a folder whose path directly below it is not among `names`. */
  forgetProblemsIn(folder: string, names: ReadonlySet<string>): void {
    if (this.#problems.size === 0) return;
    const prefix = folder === "" ? "" : `${folder}/`;
    for (const path of this.#problems.keys()) {
      if (path === "" || !path.startsWith(prefix)) continue;
      const rest = path.slice(prefix.length);
      const slash = rest.indexOf("/");
      if (!names.has(slash === -1 ? rest : rest.slice(0, slash))) this.#problems.delete(path);
    }
  }

  /** The tree of all records; the same object if nothing changed. */
  toTree(shape: Tree["shape"]): Tree {
    this.#tree =
      this.#tree === undefined
        ? createTree(
            shape,
            [...this.#records.values()].map((record) => record.entry),
          )
        : updateTree(this.#tree, this.#changes);
    this.#changes.clear();
    return this.#tree;
  }

  #addFolder(folder: string): Set<string> {
    const children = new Set<string>();
    this.#children.set(folder, children);
    return children;
  }
}

/** Whether a file still has the content of its record, as far as `stat` can show it. */
export function isUnchanged(known: PathRecord | undefined, stats: BigIntStats): boolean {
  return known?.stamp !== undefined && known.racy !== true && isSameStamp(known.stamp, stampOf(stats));
}

/** The record of a file that was read. */
export function fileRecord(path: string, { stamp, digest, mode, racy }: FileDigest): PathRecord {
  const permissions = process.platform === "win32" ? 0o644 : mode & 0o777;
  return { entry: { type: "file", path, mode: permissions, size: Number(stamp.size), digest }, stamp, racy };
}
