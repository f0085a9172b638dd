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
  /** Absolute local path of the bytes. */
  readonly source: string;
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

/** What should be in the container: the settled state of one mapping's local files. Sorted by path, bytewise; immutable. */
export interface Tree {
  readonly shape: "directory" | "file";
  readonly entries: ReadonlyMap<string, TreeEntry>;
  /** sha256 over the sorted entries (type, path, mode, digest or target): equal digests mean equal trees. */
  readonly digest: string;
  readonly files: number;
  readonly bytes: number;
}
