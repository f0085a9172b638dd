/** Where the files of a mapped root came from. */
export interface Origin {
  /** Name of the machine. */
  readonly host: string;
  /** Absolute path of the local file or folder. */
  readonly folder: string;
}

/** Content of the marker file in the container's `.kinsync` folder: which run owns a mapped root. Written last in every commit. */
export interface Marker {
  /** Version of this format. */
  readonly format: 1;
  /** ID of the run that owns the root. A different ID means that another run took ownership. */
  readonly runId: string;
  /** User and machine of that run, for people: `ada@laptop`. */
  readonly owner: string;
  /** ISO 8601: when that run began. */
  readonly since: string;
  /** Where the files of that run came from: `OpenContext.host` and `RootSpec.from`. Missing where one of them is. */
  readonly origin?: Origin;
  /** `SessionFacts.incarnation` of the session that wrote it. */
  readonly incarnation: string;
  /** The process of that run in the container: its ID, and its start in ticks since the boot. Missing where it is not known. */
  readonly process?: { readonly id: number; readonly start: string };
  /** Number of the snapshot that is in place, in that run. */
  readonly snapshot: number;
  /** Digest of the tree that is completely in place. After the run has ended and left the root to another one: `released:DIGEST`, or `released`. */
  readonly tree: string;
  /** ISO 8601: when it was written, by the clock of that run's machine. Missing where the transport does not write it. */
  readonly at?: string;
  /** As in the last claim or commit: `Batch.owed`. Missing: nothing is owed. */
  readonly owed?: readonly string[];
}

/** One path as `lstat` reports it in the container. */
export type InventoryEntry =
  | {
      readonly type: "file";
      readonly path: string;
      readonly mode: number;
      readonly size: number;
      readonly digest: string;
    }
  | { readonly type: "directory"; readonly path: string; readonly mode: number }
  | { readonly type: "link"; readonly path: string; readonly target: string }
  | { readonly type: "other"; readonly path: string };

/** What a container holds of a mapped root: the observed state that a session starts from. */
export interface Inventory {
  /** `missing`: the root does not exist yet; `other`: the path is not a folder, and `claim` fails. */
  readonly root: "directory" | "missing" | "other";
  /**
   * The requested paths that exist, and those of `placed` (a digest may be empty where the path was not requested). With `list`: every
   * path below the root except the state directory and what lies at or below `mounts` and was neither requested nor placed.
   */
  readonly entries: readonly InventoryEntry[];
  /** Paths that this or an earlier session created, from the manifest. */
  readonly placed: readonly string[];
  /** Of the run that owns the root; missing where none does. */
  readonly marker?: Marker;
  /**
   * True: the root is a folder that holds nothing but the state directory. kinsync then requests no paths before the first sync. An
   * inventory of no paths should state it where finding out costs little. Since contract 2.5. Default: `false`; the root may be empty all the same.
   */
  readonly isEmpty?: boolean;
  /** Mount points below the root, relative to it: other volumes, which a list leaves out and `mirror` therefore never empties. */
  readonly mounts?: readonly string[];
}
