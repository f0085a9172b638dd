import type { KinsyncError } from "../errors/error.ts";
import type { ContentStore } from "../mapping/content-store.ts";
import type { Tree } from "../mapping/tree.ts";

/** The local side of one mapping. */
export interface SourceSpec {
  /** Absolute local path of a folder or a file. A source without local files may give it another meaning. */
  readonly from: string;
  /** Path of the only entry in the tree if `from` is a single file: the last segment of the container path. */
  readonly fileName: string;
  readonly ignore: readonly string[];
  readonly ignoreDefaults: boolean;
  /** `.gitignore`, and names that end in `.dockerignore`. */
  readonly ignoreFiles: readonly string[];
}

/** The state of a source. kinsync syncs only `present`. */
export type SourceState =
  | {
      readonly state: "present";
      /** Made with `createTree` or `updateTree`. An unchanged tree is the same object or has the same `digest`. */
      readonly tree: Tree;
      /** The bytes of the tree's files. */
      readonly content: ContentStore;
      /**
       * Paths that are left out of the tree, and why. While there is one, not all mapped files are up to date: `sync` ends with 3. It waits
       * for those with the code `KINSYNC_SOURCE_CHANGED`, which the source reads again by itself; `KINSYNC_SOURCE_TYPE` is only a note.
       */
      readonly problems: readonly KinsyncError[];
      /** Whether a path (relative, POSIX) is ignored, whether it exists or not. kinsync does not delete ignored paths in containers. */
      readonly isIgnored: (path: string, isDirectory: boolean) => boolean;
    }
  /** The path does not exist. A folder then halts its mapping; a single file that was `present` before is deleted in the containers. */
  | { readonly state: "missing" }
  /** A folder in which every entry is ignored, or that has none. It halts the mapping unless `allowEmpty` is set. */
  | { readonly state: "empty" }
  /** A folder was replaced by a file, or the reverse. Halts the mapping. */
  | { readonly state: "retyped"; readonly was: "directory" | "file" }
  /** Halts the mapping. */
  | { readonly state: "unreadable"; readonly error: KinsyncError };

/**
 * The files of one mapping, watched for changes. `createSource` makes one of a local folder or file. Implement it to sync other
 * files, such as generated code, unsaved buffers of an editor or an archive, and pass it to the engine as
 * `EngineOptions.createSource`.
 *
 * A source must follow these rules:
 *
 * 1. Start at once, without a call. Emit the first state through `onState`, whatever it is, and settle `ready` with it.
 * 2. When a change is noticed, set `isSettling` to `true`. When the new state is known, set `current` and call `onState` if the
 *    state differs from the last one. Set `isSettling` to `false`, then call `onIdle` in any case. The engine makes one snapshot
 *    of all mappings of a workload: while one of their sources is settling, it waits up to 250 ms for `onIdle`.
 * 3. Join the changes of one save into one state, and emit no state from the middle of a save. Emit `missing` for a single file
 *    only if it stays missing: the engine deletes the file in the containers at once. `createSource` waits 2 s, since many
 *    editors save by deleting a file and creating it again.
 * 4. States are immutable. `content` must serve every file of `tree` until a newer state is emitted, or throw
 *    `KINSYNC_SOURCE_CHANGED` and emit a newer state (see `ContentStore`). The engine checks size and sha256 of all bytes.
 * 5. After `signal` is aborted or the source is disposed of, call nothing and hold no timers or files. A pending `ready` or
 *    `rescan()` then rejects. Disposing twice is allowed.
 *
 * A source in memory:
 *
 * ```ts
 * import { hash } from "node:crypto";
 * import { createTree, memoryContent, type Source, type SourceOptions, type SourceSpec, type SourceState } from "@kinsync/core";
 *
 * class OneFile implements Source {
 *   readonly isSettling = false;
 *   readonly #options: SourceOptions;
 *   readonly spec: SourceSpec;
 *   current: SourceState;
 *
 *   constructor(spec: SourceSpec, options: SourceOptions, text: string) {
 *     this.spec = spec;
 *     this.#options = options;
 *     this.current = this.#stateOf(text);
 *     queueMicrotask(() => this.#emit(this.current));
 *   }
 *
 *   get ready() {
 *     return Promise.resolve(this.current);
 *   }
 *
 *   replace(text: string): void {
 *     this.#emit(this.#stateOf(text));
 *   }
 *
 *   async rescan() {
 *     return this.current;
 *   }
 *
 *   #stateOf(text: string): SourceState {
 *     const bytes = Buffer.from(text);
 *     const digest = hash("sha256", bytes);
 *     const entry = { type: "file", path: this.spec.fileName, mode: 0o644, size: bytes.length, digest } as const;
 *     const tree = createTree("file", [entry]);
 *     return { state: "present", tree, content: memoryContent([bytes]), problems: [], isIgnored: () => false };
 *   }
 *
 *   #emit(state: SourceState): void {
 *     if (this.#options.signal.aborted) return;
 *     this.current = state;
 *     this.#options.onState(state);
 *     this.#options.onIdle?.();
 *   }
 *
 *   async [Symbol.asyncDispose]() {}
 * }
 * ```
 */
export interface Source extends AsyncDisposable {
  readonly spec: SourceSpec;
  /** The last settled state; `undefined` before the first one. */
  readonly current: SourceState | undefined;
  /** A change was noticed, and the new state is not known yet. */
  readonly isSettling: boolean;
  /** Settles with the first state. Rejects with the signal's reason if the source ends before. */
  readonly ready: Promise<SourceState>;
  /**
   * Reads all files again, after a sleep of the machine or on request. Settles when the state is known and emitted. A state from
   * the middle of a save of a single file (`missing`) does not count: it settles with the last state then.
   */
  rescan(): Promise<SourceState>;
}

/** What the engine gives to a source. The source calls no callback from its constructor, but may call them from there on. */
export interface SourceOptions {
  /** Ends the source. */
  readonly signal: AbortSignal;
  /** Call it with each settled state that differs from the last one, and with the first. */
  readonly onState: (state: SourceState) => void;
  /** Call it each time that `isSettling` becomes `false`, after `onState`, also if the state is the same. Without it each snapshot comes later. */
  readonly onIdle?: () => void;
  /** Call it with what the source did about a problem of its own, for the user: such as polling instead of watching. No final period. */
  readonly onNote?: (note: string) => void;
  /** Milliseconds without a change until the files count as settled. The engine leaves it out. Default: 5. */
  readonly settle?: number;
}
