import type { Source, SourceOptions, SourceSpec, SourceState } from "../local/source.ts";
import type { KinsyncError } from "../errors/error.ts";
import { containerPath } from "../mapping/container-path.ts";
import { checkedContent, type ContentStore } from "../mapping/content-store.ts";
import { memoryContent } from "../mapping/memory-content.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import { createTree, type Tree } from "../mapping/tree.ts";
import type { MappingSnapshot } from "./snapshot.ts";
import { isTransient } from "./unread.ts";

/** Makes the local side of one mapping. */
export type CreateSource = (spec: SourceSpec, options: SourceOptions) => Source;

/** Sources of a library user, whose content stores are checked: size and digest of what they yield. */
export function checkedSources(create: CreateSource): CreateSource {
  return (spec, options) =>
    create(spec, {
      ...options,
      onState: (state) =>
        options.onState(state.state === "present" ? { ...state, content: checkedContent(state.content) } : state),
    });
}

export interface MappingFilesOptions {
  readonly mapping: ResolvedMapping;
  readonly createSource: CreateSource;
  /** An empty source folder is intended: its emptiness is synced. */
  readonly allowEmpty: boolean;
  /** `current` differs, or the source has stopped settling. */
  readonly onChange: () => void;
  readonly onProblem: (problem: KinsyncError) => void;
  readonly onNote: (note: string) => void;
  readonly signal: AbortSignal;
}

/** Of trees without files. */
const NO_CONTENT: ContentStore = memoryContent([]);

/** The local files of one mapping: what to send, or why nothing may be sent. */
export class MappingFiles implements AsyncDisposable {
  readonly #options: MappingFilesOptions;
  readonly #source: Source;
  #current: MappingSnapshot | undefined;
  #problems: readonly KinsyncError[] = [];
  readonly #reported = new Set<string>();

  constructor(options: MappingFilesOptions) {
    const { mapping, createSource, signal, onNote, onChange } = options;
    this.#options = options;
    this.#source = createSource(
      {
        from: mapping.from,
        fileName: containerPath(mapping, true).fileName,
        ignore: mapping.ignore,
        ignoreDefaults: mapping.ignoreDefaults,
        ignoreFiles: mapping.ignoreFiles,
      },
      { signal, onState: (state) => this.#onState(state), onNote, onIdle: onChange },
    );
  }

  get mapping(): ResolvedMapping {
    return this.#options.mapping;
  }

  /** `undefined` until the first state is known, whatever it is. */
  get current(): MappingSnapshot | undefined {
    return this.#current;
  }

  /** Paths that the newest tree lacks, and why. */
  get problems(): readonly KinsyncError[] {
    return this.#problems;
  }

  /** A change was noticed and has not settled yet. */
  get isSettling(): boolean {
    return this.#source.isSettling;
  }

  /** Scans everything again; settles when the state is known. */
  async rescan(): Promise<void> {
    await this.#source.rescan();
  }

  #onState(state: SourceState): void {
    const from = this.#options.mapping.fromText;
    // Set before the tree: its listeners read these, too.
    this.#problems = state.state === "present" ? state.problems : [];
    switch (state.state) {
      case "present":
        this.#settled(state.tree, state.content, state.isIgnored);
        // What is read again by itself is a problem only where it remains.
        for (const problem of state.problems) if (!isTransient(problem)) this.#reportOnce(problem);
        return;
      case "missing":
        // The source has waited already: a mapped single file was deleted on purpose. A missing folder is more likely a mistake.
        if (this.#current?.tree?.shape === "file") this.#settled(createTree("file", []), NO_CONTENT, () => false);
        else this.#halt(`${from} does not exist; nothing is sent until it is back`);
        return;
      case "empty":
        if (this.#options.allowEmpty) this.#settled(createTree("directory", []), NO_CONTENT, () => false);
        else {
          this.#halt(
            `${from} is empty, or \`ignore\` leaves out everything in it; nothing is deleted until it has content again (to delete all synced files: --allow-empty)`,
          );
        }
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

  #settled(tree: Tree, content: ContentStore, isIgnored: MappingSnapshot["isIgnored"]): void {
    const { mapping, onChange } = this.#options;
    const before = this.#current;
    const isSameTree = before?.tree?.digest === tree.digest;
    const settledAt = isSameTree ? before.settledAt : performance.now();
    this.#current = { mapping, tree, content, isIgnored, settledAt, halted: undefined };
    onChange();
  }

  #halt(reason: string): void {
    const { mapping, onChange } = this.#options;
    const before = this.#current;
    if (before?.halted === reason) return;
    this.#current = {
      mapping,
      tree: before?.tree,
      content: before?.content ?? NO_CONTENT,
      isIgnored: before?.isIgnored ?? (() => false),
      settledAt: before?.settledAt ?? performance.now(),
      halted: reason,
    };
    onChange();
  }

  #reportOnce(problem: KinsyncError): void {
    if (this.#reported.has(problem.message)) return;
    this.#reported.add(problem.message);
    this.#options.onProblem(problem);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source[Symbol.asyncDispose]();
  }
}
