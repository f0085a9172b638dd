import type { KinsyncError } from "../errors/error.ts";
import { containerPath, type ContainerPath } from "../mapping/container-path.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { Source, SourceOptions, SourceSpec, SourceState } from "../local/source.ts";
import { createTree, diffTrees, projectTree, type Tree } from "../mapping/tree.ts";
import type { Wanted } from "../sync/target/worker.ts";

/** Milliseconds that a mapped single file may be missing before it counts as deleted: editors delete and write anew. */
const FILE_GRACE = 2_000;

/** What a feed tells. */
export interface FeedListener {
  /** A new state of the local files settled. `paths` differ from the one before; all of them at first. */
  readonly onSnapshot: (feed: MappingFeed, tree: Tree, snapshot: number, paths: readonly string[]) => void;
  readonly onHalted: (feed: MappingFeed, reason: string) => void;
  readonly onResumed: (feed: MappingFeed) => void;
  readonly onProblem: (feed: MappingFeed, problem: KinsyncError) => void;
  readonly onNote: (feed: MappingFeed, note: string) => void;
}

export interface FeedOptions {
  readonly mapping: ResolvedMapping;
  readonly createSource: (spec: SourceSpec, options: SourceOptions) => Source;
  /** The number of the next snapshot of the workload. */
  readonly nextSnapshot: () => number;
  /** An empty source is meant: its emptiness is synced. */
  readonly allowEmpty: boolean;
  readonly signal: AbortSignal;
  readonly listener: FeedListener;
}

/** One mapping's local side: what should be in the containers, and whether it may be sent. */
export class MappingFeed implements AsyncDisposable {
  readonly mapping: ResolvedMapping;
  readonly source: Source;
  readonly #options: FeedOptions;
  readonly #placeOfFile: ContainerPath;
  readonly #placeOfFolder: ContainerPath;
  readonly #projections = new Map<string, Tree>();
  #tree: Tree | undefined;
  #snapshot = 0;
  #settledAt = 0;
  #isIgnored: (path: string, isDirectory: boolean) => boolean = () => false;
  #haltReason: string | undefined;
  #graceTimer: NodeJS.Timeout | undefined;
  readonly #told = new Set<string>();

  constructor(options: FeedOptions) {
    const { mapping } = options;
    this.mapping = mapping;
    this.#placeOfFile = containerPath(mapping, true);
    this.#placeOfFolder = containerPath(mapping, false);
    this.#options = options;
    this.source = options.createSource(
      {
        from: mapping.from,
        fileName: this.#placeOfFile.fileName,
        ignore: mapping.ignore,
        ignoreDefaults: mapping.ignoreDefaults,
        ignoreFiles: mapping.ignoreFiles,
      },
      {
        signal: options.signal,
        onState: (state) => this.#onState(state),
        onNote: (note) => options.listener.onNote(this, note),
      },
    );
  }

  /** The first state is known, whatever it is. */
  get isReady(): boolean {
    return this.#tree !== undefined || this.#haltReason !== undefined;
  }

  /** Why nothing is sent; `undefined` while all is well. */
  get haltReason(): string | undefined {
    return this.#haltReason;
  }

  get snapshot(): number {
    return this.#snapshot;
  }

  /** Where the mapping lands. A file's path is not a folder's, so that it is known with the first state, not before. */
  get place(): ContainerPath {
    return this.#tree?.shape === "file" ? this.#placeOfFile : this.#placeOfFolder;
  }

  /** What should be in a target where these subtrees belong to more specific mappings. */
  wanted(shadows: readonly string[]): Wanted | undefined {
    if (this.#tree === undefined || this.#haltReason !== undefined) return undefined;
    const isIgnored = this.#isIgnored;
    return {
      tree: this.#projected(this.#tree, shadows),
      snapshot: this.#snapshot,
      settledAt: this.#settledAt,
      isExcluded: (path, isDirectory) =>
        isIgnored(path, isDirectory) || shadows.some((shadow) => path === shadow || path.startsWith(`${shadow}/`)),
    };
  }

  #projected(tree: Tree, shadows: readonly string[]): Tree {
    if (shadows.length === 0) return tree;
    const key = shadows.join("\0");
    let projected = this.#projections.get(key);
    if (projected === undefined) this.#projections.set(key, (projected = projectTree(tree, shadows)));
    return projected;
  }

  #onState(state: SourceState): void {
    clearTimeout(this.#graceTimer);
    const from = this.mapping.fromText;
    switch (state.state) {
      case "present":
        this.#isIgnored = state.isIgnored;
        this.#settled(state.tree);
        for (const problem of state.problems) this.#tellOnce(problem);
        return;
      case "missing":
        // A mapped single file that stays away was deleted; a folder that vanished is more likely a mistake.
        if (this.#tree?.shape === "file") {
          this.#graceTimer = setTimeout(() => this.#settled(createTree("file", [])), FILE_GRACE);
          return;
        }
        this.#halt(`${from} is not there; nothing is sent until it is back`);
        return;
      case "empty":
        if (this.#options.allowEmpty) this.#settled(createTree("directory", []));
        else
          this.#halt(
            `${from} is empty; nothing is deleted until it has content again (--allow-empty if that is meant)`,
          );
        return;
      case "retyped": {
        const [was, is] = state.was === "directory" ? ["folder", "file"] : ["file", "folder"];
        this.#halt(`${from} was a ${was} and is a ${is} now; nothing is sent until it is a ${was} again`);
        return;
      }
      case "unreadable":
        this.#halt(`${from} cannot be read: ${state.error.message}`);
    }
  }

  #settled(tree: Tree): void {
    const before = this.#tree;
    const wasHalted = this.#haltReason !== undefined;
    this.#haltReason = undefined;
    if (wasHalted && before !== undefined) this.#options.listener.onResumed(this);
    if (before?.digest === tree.digest) {
      // Nothing new to send, but workers that held back may go on.
      if (wasHalted) this.#options.listener.onSnapshot(this, tree, this.#snapshot, []);
      return;
    }
    this.#projections.clear();
    this.#tree = tree;
    this.#settledAt = performance.now();
    this.#snapshot = this.#options.nextSnapshot();
    const paths = before === undefined ? [...tree.entries.keys()] : diffTrees(before, tree);
    this.#options.listener.onSnapshot(this, tree, this.#snapshot, paths);
  }

  #halt(reason: string): void {
    if (this.#haltReason === reason) return;
    this.#haltReason = reason;
    this.#options.listener.onHalted(this, reason);
  }

  #tellOnce(problem: KinsyncError): void {
    if (this.#told.has(problem.message)) return;
    this.#told.add(problem.message);
    this.#options.listener.onProblem(this, problem);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#graceTimer);
    await this.source[Symbol.asyncDispose]();
  }
}
