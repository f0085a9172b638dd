import { CONTRACT } from "./version.ts";
import type { RunResult } from "./action.ts";
import type { ClusterConnection } from "./cluster.ts";
import type { PolicyRule } from "./status.ts";
import type { Target } from "./target.ts";

/** Where in the container a mapping lives. */
export interface RootSpec {
  /**
   * POSIX path of the folder that entry paths are relative to. Absolute, or relative to the container's working directory.
   * For the mapping of a single file this is the file's parent folder, and `key` names the file.
   */
  readonly path: string;
  /** `directory`: a mapped folder; `file`: one mapped file, the only entry, in a folder that is not kinsync's. */
  readonly shape: "directory" | "file";
  /** Name of this mapping's part of the state directory: safe as a file name, unique among mappings of one container. */
  readonly key: string;
  /** Write in place where a rename is impossible (mount of a single file). Default: `false`. */
  readonly inPlace?: boolean;
}

/** What `.kinsync` in the container says: who placed what. Written last in every commit. */
export interface Marker {
  readonly format: 1;
  /** Id of the `up` that owns the root; another one's id means that it was taken over. */
  readonly runId: string;
  /** Who and from where, for people: `ada@laptop`. */
  readonly owner: string;
  /** ISO 8601, when that run of kinsync began. */
  readonly since: string;
  readonly incarnation: string;
  readonly snapshot: number;
  /** Digest of the tree that is wholly there. */
  readonly tree: string;
}

/** One path as it is in the container, by `lstat`. */
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

/** What a container holds of a root: the truth that a session starts from. */
export interface Inventory {
  /** `missing` where the root does not exist yet; `other` where it is no folder (a named failure follows). */
  readonly root: "directory" | "missing" | "other";
  /**
   * The asked paths that exist, and those of `placed` (whose digest may be empty where they were not asked for); every path below the
   * root, but not the state directory, if `list` was asked.
   */
  readonly entries: readonly InventoryEntry[];
  /** Paths that an earlier or the present session placed, from the manifest. */
  readonly placed: readonly string[];
  readonly marker?: Marker;
}

/** One step of a batch. Paths are POSIX, relative to the root, never with `..`, without trailing slash. */
export type BatchEntry =
  /** A file with these bytes; in the archive under its path. `digest`: sha256, hex. `replaces`: what stands there now. */
  | {
      readonly op: "file";
      readonly path: string;
      readonly mode: number;
      readonly size: number;
      readonly digest: string;
      readonly replaces?: "file" | "link" | "directory";
    }
  /** A folder that is not there yet (or a link that stands in its place). Folders come before what is in them. */
  | { readonly op: "directory"; readonly path: string; readonly mode: number; readonly replaces?: "file" | "link" }
  | {
      readonly op: "link";
      readonly path: string;
      readonly target: string;
      readonly replaces?: "file" | "link" | "directory";
    }
  | { readonly op: "chmod"; readonly path: string; readonly mode: number }
  /** Goes if it is there; a folder only when empty (else it stays, which is no failure). Children come before their folder. */
  | { readonly op: "delete"; readonly path: string; readonly type: "file" | "directory" };

/**
 * Bytes to carry: a tar (ustar, pax where needed) of the `file`, `directory` and `link` entries in the order of the batch,
 * under their paths; owner 0, no names, mtime 0. Same bytes for same input.
 */
export interface Archive {
  /** Bytes of the whole tar with its end marker. */
  readonly size: number;
  /** The tar in chunks of at most 64 KiB. May be called by many sinks at once; the chunks are shared, so do not write to them. */
  chunks(signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** What takes one root of a target from the snapshot that it holds to the newest. */
export interface Batch {
  readonly root: RootSpec;
  readonly snapshot: number;
  /** Digest of the tree that the root holds when this batch is committed; empty while more batches must follow. */
  readonly tree: string;
  readonly entries: readonly BatchEntry[];
  /** Paths to add to and to take from the manifest. */
  readonly placed: readonly string[];
  readonly unplaced: readonly string[];
  readonly archive: Archive;
}

/** A batch on its way. `ready` settles when the container has it all staged and checked, or with the failure. */
export interface Stage {
  readonly ready: Promise<void>;
}

/** The container's own word that a batch is in place. */
export interface Receipt {
  readonly snapshot: number;
  /** As in the batch. */
  readonly tree: string;
  /** Entries that were carried out. */
  readonly count: number;
}

/** What a session says of the container at its start. */
export interface SessionFacts {
  /** What runs there: `python3`, `perl`, `node`, `sh`, or a transport's own word. For people. */
  readonly agent: string;
  /** Changes whenever the container was restarted. */
  readonly incarnation: string;
  /** The container's working directory. */
  readonly workingDirectory: string;
}

/** Why a session is over. Exactly one of these, once. */
export interface SessionEnd {
  /** `closed`: we ended it. `lost`: open another. `gone`: that container is no more. `taken`: another `up` claimed the root. */
  readonly why: "closed" | "lost" | "gone" | "taken";
  readonly error?: Error;
}

/**
 * One open channel to one target, kept between batches. Calls may be made without waiting for earlier ones; they are carried
 * out in order. Every call settles: with the container's answer, with an error, or when its signal or the time limit ends it.
 * An error with `retry: "terminal"` leaves the session usable; any other ends it.
 */
export interface Session extends AsyncDisposable {
  readonly facts: SessionFacts;
  /** Settles once; never rejects. */
  readonly ended: Promise<SessionEnd>;
  /** Tells what is there; writes nothing. Links below the root are never followed. */
  inventory(
    root: RootSpec,
    options: { readonly paths: readonly string[]; readonly list?: boolean; readonly signal: AbortSignal },
  ): Promise<Inventory>;
  /**
   * Takes the root over from whoever had it: from now on their commits fail with `KINSYNC_TARGET_TAKEN`, ours do not.
   * Creates the root and its state directory where missing. Fails where the root cannot be written.
   */
  claim(
    root: RootSpec,
    options: { readonly snapshot: number; readonly tree: string; readonly signal: AbortSignal },
  ): Promise<void>;
  /** Begins to carry a batch. Nothing under the root changes before `commit`. */
  stage(batch: Batch, options: { readonly signal: AbortSignal }): Stage;
  /**
   * Makes a staged batch visible: each path in one rename. May be called before `ready`; the container then commits only if
   * its own check of the stage passed. Rejects with the stage's failure otherwise.
   */
  commit(stage: Stage, options: { readonly signal: AbortSignal }): Promise<Receipt>;
  /** Throws a stage away. */
  discard(stage: Stage): Promise<void>;
  /** Runs a command in the container, in its working directory. Rejects only where it could not be started or watched. */
  run(
    command: readonly string[] | string,
    options: { readonly timeout: number; readonly signal: AbortSignal; readonly onOutput?: (text: string) => void },
  ): Promise<RunResult>;
  /** Proves that the container side lives. Milliseconds for the round trip. */
  ping(options: { readonly signal: AbortSignal }): Promise<number>;
}

/** What a transport is handed when it opens a session. */
export interface OpenContext {
  readonly cluster: ClusterConnection;
  /** Id of this run of kinsync; goes into markers. */
  readonly runId: string;
  /** Who and from where, for people; goes into markers. */
  readonly owner: string;
  /** ISO 8601, when this run of kinsync began; goes into markers. Of two runs that want one root the later one has it. */
  readonly since: string;
  readonly signal: AbortSignal;
}

/** How a session is opened and a batch is carried. */
export interface TransportPlugin {
  readonly contract: string;
  readonly type: "transport";
  /** Unique among the loaded transports: `exec`. Named by a mapping's `transport`. */
  readonly name: string;
  /**
   * Opens a session to exactly this target. Must not write before it knows that it reached the very pod UID and container.
   * Rejects with a `KinsyncError` whose `retry` says what to do.
   */
  readonly open: (target: Target, context: OpenContext) => Promise<Session>;
  /**
   * What the API server must allow in the target's namespace, so that a Role can name it before anything fails. Default: nothing
   * is known.
   */
  readonly permissions?: readonly Pick<PolicyRule, "apiGroups" | "resources" | "verbs">[];
}

/** A transport as its author writes it. */
export type TransportDefinition = Omit<TransportPlugin, "contract" | "type">;

/** Stamps a transport with the contract number and freezes it. */
export function defineTransport(transport: TransportDefinition): TransportPlugin {
  return Object.freeze({ ...transport, contract: CONTRACT, type: "transport" as const });
}
