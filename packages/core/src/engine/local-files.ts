import type { KinsyncError } from "../errors/error.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import { MappingFiles, type CreateSource } from "./mapping-files.ts";
import { isSameState, type LocalState } from "./snapshot.ts";

/** How long a state waits for other mappings that are settling: one save may affect several. */
const COALESCE_MS = 250;

export interface LocalFilesOptions {
  readonly mappings: readonly ResolvedMapping[];
  readonly createSource: CreateSource;
  readonly allowEmpty: boolean;
  /** Called with each state that differs from the one before; first when the state of every mapping is known. */
  readonly onState: (state: LocalState) => void;
  /** A path cannot be read; once for each message. */
  readonly onProblem: (problem: KinsyncError) => void;
  readonly onNote: (mapping: ResolvedMapping, note: string) => void;
  readonly signal: AbortSignal;
}

/** The local files of all mappings of one workload. One save that touches two mappings is one state. */
export class LocalFiles implements AsyncDisposable {
  readonly #options: LocalFilesOptions;
  #files: readonly MappingFiles[] = [];
  #current: LocalState | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(options: LocalFilesOptions) {
    this.#options = options;
    this.#files = options.mappings.map(
      (mapping, at) =>
        new MappingFiles({
          mapping,
          createSource: options.createSource,
          allowEmpty: options.allowEmpty,
          onChange: () => this.#onChange(at),
          onProblem: options.onProblem,
          onNote: (note) => options.onNote(mapping, note),
          signal: options.signal,
        }),
    );
    // A source may have reported its first state before all of them existed.
    this.#onChange();
  }

  /** The newest state; `undefined` until that of every mapping is known. */
  get current(): LocalState | undefined {
    return this.#current;
  }

  /** Paths that the newest trees lack, and why. */
  get problems(): readonly KinsyncError[] {
    return this.#files.flatMap((files) => files.problems);
  }

  /** The same of one mapping. */
  problemsOf({ id }: Pick<ResolvedMapping, "id">): readonly KinsyncError[] {
    return this.#files.flatMap((files) => (files.mapping.id === id ? files.problems : []));
  }

  /** Scans all sources again; settles when their states are known. */
  async rescan(): Promise<void> {
    await Promise.all(this.#files.map((files) => files.rescan()));
  }

  /** @param by index of the mapping that reported: its own later changes are the next state's. */
  #onChange(by?: number): void {
    const isAllKnown =
      this.#files.length === this.#options.mappings.length && this.#files.every(({ current }) => current !== undefined);
    if (this.#isOver || !isAllKnown) return;
    if (this.#files.every((files, at) => at === by || !files.isSettling)) this.#seal();
    else this.#timer ??= setTimeout(() => this.#seal(), COALESCE_MS);
  }

  #seal(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isOver) return;
    const next = Object.freeze(this.#files.flatMap((files) => files.current ?? []));
    if (this.#current !== undefined && isSameState(this.#current, next)) return;
    this.#current = next;
    this.#options.onState(next);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#timer);
    await Promise.allSettled(this.#files.map((files) => files[Symbol.asyncDispose]()));
  }
}
