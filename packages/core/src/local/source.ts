import type { KinsyncError } from "../errors/error.ts";
import type { ContentStore } from "../mapping/content-store.ts";
import type { Tree } from "../mapping/tree.ts";

/** The local side of one mapping, as the watcher is asked for it. */
export interface SourceSpec {
  /** Absolute local path of a folder or a file. */
  readonly from: string;
  /** Name of the single entry where `from` is a file: the last segment of the container path. */
  readonly fileName: string;
  readonly ignore: readonly string[];
  readonly ignoreDefaults: boolean;
  readonly ignoreFiles: readonly (".gitignore" | ".dockerignore")[];
}

/** What a source is right now. Only `present` may be synced; the others halt the mapping until the content is back. */
export type SourceState =
  | {
      readonly state: "present";
      readonly tree: Tree;
      /** The bytes of the tree's files. */
      readonly content: ContentStore;
      readonly problems: readonly KinsyncError[];
      /** Whether the rules as they are now ignore a path (relative, POSIX), there or not: what is ignored is not deleted either. */
      readonly isIgnored: (path: string, isDirectory: boolean) => boolean;
    }
  /** The path is not there (any more). */
  | { readonly state: "missing" }
  /** A folder without a single entry that is not ignored. */
  | { readonly state: "empty" }
  /** Was a folder and is a file now, or the reverse. */
  | { readonly state: "retyped"; readonly was: "directory" | "file" }
  | { readonly state: "unreadable"; readonly error: KinsyncError };

/** One watched source. */
export interface Source extends AsyncDisposable {
  readonly spec: SourceSpec;
  /** The last settled state; `undefined` until the first scan is through. */
  readonly current: SourceState | undefined;
  /** A change was noticed and its state is not known yet. */
  readonly isSettling: boolean;
  /** Settles with the first state. */
  readonly ready: Promise<SourceState>;
  /** Look at everything again (after a sleep, on request); settles when that state is known. */
  rescan(): Promise<SourceState>;
}

/** What a watcher needs from outside: what to tell, and when to stop. */
export interface SourceOptions {
  readonly signal: AbortSignal;
  /** Called with each new settled state that differs from the last. */
  readonly onState: (state: SourceState) => void;
  /** Called when `isSettling` becomes false, whether the state differs or not; after `onState`. */
  readonly onIdle?: () => void;
  /** Called with what the watcher did about its own trouble (rescan after overflow, polling instead of watching). */
  readonly onNote?: (note: string) => void;
  /** Milliseconds of quiet after an event until the state counts as settled. Default: 5. */
  readonly settle?: number;
}
