import { basename } from "node:path";
import type { ResolvedRebuild } from "../../mapping/local-actions.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import { diffTrees } from "../../mapping/tree.ts";
import { isDueAfter } from "../../sync/actions/due.ts";
import type { WorkloadEmitter } from "../emit.ts";
import { LocalFiles, type LocalFilesOptions } from "../local-files.ts";
import { changesOf, type LocalState } from "../snapshot.ts";
import type { LocalRunView } from "./local-run-view.ts";
import { LocalRunner } from "./local-runner.ts";

/** Paths in one event. */
const MAX_PATHS = 20;

export interface RebuildOptions extends Pick<LocalFilesOptions, "createSource" | "signal"> {
  readonly rebuild: ResolvedRebuild;
  /** Those of the workload; they ignore what a rebuild brings. */
  readonly mappings: readonly ResolvedMapping[];
  readonly emitter: WorkloadEmitter;
  /** `isRunning` or `failed` differs. */
  readonly onChange: () => void;
}

/**
 * Watches the paths that only a new image brings, and runs the user's command when one changes. A change during the command is followed
 * by one more run of it.
 */
export class Rebuild implements AsyncDisposable {
  readonly #options: RebuildOptions;
  readonly #runner: LocalRunner;
  readonly #files: LocalFiles;
  #before: LocalState | undefined;
  #due: string[] = [];
  #running: Promise<void> | undefined;
  #isWaiting = false;
  #isOver = false;
  /** The last run of the command failed. */
  failed = false;

  constructor(options: RebuildOptions) {
    const { rebuild, mappings, createSource, emitter, signal } = options;
    this.#options = options;
    this.#runner = new LocalRunner(rebuild, "rebuild", emitter, signal);
    this.#files = new LocalFiles({
      mappings: mappings.map((mapping) => watchedOnly(mapping, rebuild)),
      createSource,
      allowEmpty: true,
      onState: (state) => this.#onState(state),
      // The files of the workload report the same.
      onProblem: () => {},
      onNote: () => {},
      signal,
    });
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** `undefined` where nothing runs and nothing has failed. */
  get run(): LocalRunView | undefined {
    if (!this.isRunning && !this.failed) return undefined;
    const phase = this.isRunning ? "running" : "failed";
    return { what: "rebuild", command: this.#runner.text, phase, snapshot: 0 };
  }

  #onState(state: LocalState): void {
    const before = this.#before;
    this.#before = state;
    if (before === undefined) return;
    const paths = changesOf(before, state).flatMap(({ mapping, before: was, after }) => {
      if (after.tree === undefined || was?.tree === undefined) return [];
      const changed = diffTrees(was.tree, after.tree);
      const named = after.tree.shape === "file" ? changed.map(() => basename(mapping.from)) : changed;
      return named.filter((path) => isDueAfter(this.#options.rebuild, [path]));
    });
    if (paths.length === 0) return;
    this.#due.push(...paths);
    this.#start();
  }

  #start(): void {
    if (this.#running !== undefined || this.#due.length === 0 || this.#isOver) return;
    const paths = [...new Set(this.#due.splice(0))].slice(0, MAX_PATHS);
    this.#isWaiting = false;
    this.#running = this.#runner.run(paths).then(({ ok }) => {
      if (this.#isOver) return;
      this.failed = !ok;
      this.#isWaiting = ok;
      this.#running = undefined;
      this.#start();
      this.#options.onChange();
    });
    this.#options.onChange();
  }

  /** A pod appeared that may have the new image. */
  onMember(pod: string): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    const { emitter } = this.#options;
    emitter.emit({
      event: "local",
      what: "rebuild",
      phase: "replaced",
      command: this.#runner.text,
      reason: `pod/${pod} appeared`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#due = [];
    this.#runner[Symbol.dispose]();
    await Promise.allSettled([this.#files[Symbol.asyncDispose](), this.#running]);
  }
}

/** The same files, but only those that need a rebuild, and the folders to them. */
function watchedOnly(mapping: ResolvedMapping, { when }: ResolvedRebuild): ResolvedMapping {
  const own = mapping.ignore.slice(0, mapping.ignore.length - when.length);
  const wanted = when.map((pattern) => (pattern.startsWith("!") ? pattern.slice(1) : `!${pattern}`));
  // Last: what the mapping ignores is not sent, and neither is what needs a rebuild, but its change counts.
  return { ...mapping, ignore: ["*", "!*/", ...own, ...wanted] };
}
