import { createHash } from "node:crypto";
import type { KinsyncError } from "../../../src/errors/error.ts";
import type { Source, SourceOptions, SourceSpec, SourceState } from "../../../src/local/source.ts";
import type { ContentStore } from "../../../src/mapping/content-store.ts";
import { memoryContent } from "../../../src/mapping/memory-content.ts";
import { createTree, type Tree, type TreeEntry } from "../../../src/mapping/tree.ts";

/** Local files in memory: path -> content; a path that ends in a slash is a folder, `-> x` a link. */
export type LocalFiles = Readonly<Record<string, string>>;

/** Milliseconds from a save to its settled state. */
const SETTLE_MS = 5;

export function treeOf(shape: Tree["shape"], files: LocalFiles): Tree {
  return createTree(
    shape,
    Object.entries(files).map(([path, content]): TreeEntry => {
      if (path.endsWith("/")) return { type: "directory", path: path.slice(0, -1), mode: 0o755 };
      if (content.startsWith("-> ")) return { type: "link", path, target: content.slice(3) };
      const digest = createHash("sha256").update(content).digest("hex");
      return { type: "file", path, mode: 0o644, size: Buffer.byteLength(content), digest };
    }),
  );
}

/** A source whose files a test sets. */
export class MemorySource implements Source {
  readonly spec: SourceSpec;
  readonly #options: SourceOptions;
  readonly #ready = Promise.withResolvers<SourceState>();
  #shape: Tree["shape"] = "directory";
  /** Something writes into the folder all the time. */
  neverRests = false;
  #isBroken = false;
  /** Of the states from the next save on: paths that the tree lacks, and why. */
  problems: readonly KinsyncError[] = [];
  #next: SourceState | undefined;
  #timer: NodeJS.Timeout | undefined;
  current: SourceState | undefined;

  constructor(spec: SourceSpec, options: SourceOptions) {
    this.spec = spec;
    this.#options = options;
    this.#ready.promise.catch(() => {});
  }

  get ready(): Promise<SourceState> {
    return this.#ready.promise;
  }

  get isSettling(): boolean {
    return this.neverRests || this.#timer !== undefined;
  }

  /** Bytes of files that were saved over can still be read, as in a store of versions. */
  hasOldBytes = true;
  #newest: ContentStore | undefined;

  /** The bytes of the next save are gone when they are read. */
  breakContent(): void {
    this.#isBroken = true;
  }

  /** A save; settles a moment later, together with other saves of that moment. */
  save(files: LocalFiles, shape: Tree["shape"] = "directory"): void {
    this.#shape = shape;
    const bytes = memoryContent(this.#isBroken ? [] : Object.values(files).map((each) => Buffer.from(each)));
    this.#newest = bytes;
    const content: ContentStore = {
      open: (...opening) => (this.hasOldBytes ? bytes : (this.#newest ?? bytes)).open(...opening),
    };
    this.#isBroken = false;
    this.#later({
      state: "present",
      tree: treeOf(shape, files),
      content,
      problems: this.problems,
      isIgnored: (path) => path.endsWith(".tmp"),
    });
  }

  /** The folder or file vanished, or the folder became empty. */
  lose(state: "missing" | "empty"): void {
    this.#later({ state: this.#shape === "file" ? "missing" : state });
  }

  #later(state: SourceState): void {
    if (this.#options.signal.aborted) return;
    this.#next = state;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle(), SETTLE_MS);
  }

  #settle(): void {
    this.#timer = undefined;
    const state = this.#next;
    if (state === undefined || this.#options.signal.aborted) return;
    this.current = state;
    this.#ready.resolve(state);
    this.#options.onState(state);
    this.#options.onIdle?.();
  }

  async rescan(): Promise<SourceState> {
    return this.#ready.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#ready.reject(new Error("disposed"));
  }
}
