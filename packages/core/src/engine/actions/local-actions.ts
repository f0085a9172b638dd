import type { KinsyncError } from "../../errors/error.ts";
import type { MemberChange } from "../../resolve/resolution.ts";
import type { WorkloadEmitter } from "../emit.ts";
import type { LocalFilesOptions } from "../local-files.ts";
import type { ResolvedWorkload } from "../resolved-workload.ts";
import { hasOtherFiles, type LocalState } from "../snapshot.ts";
import type { TargetCounts } from "../target-counts.ts";
import { Hooks, type BeforeState } from "./hooks.ts";
import type { LocalRunView } from "./local-run-view.ts";
import { Rebuild } from "./rebuild.ts";

export interface LocalActionsOptions extends Pick<LocalFilesOptions, "createSource" | "signal"> {
  readonly workload: Pick<ResolvedWorkload, "hooks" | "rebuild" | "mappings">;
  readonly emitter: WorkloadEmitter;
  /** Whether a local state would be released at once. Others wait, and nothing runs for them yet. */
  readonly isReleasing: (state: LocalState) => boolean;
  /** Takes a local state that may be released. */
  readonly onState: (state: LocalState) => void;
  readonly onChange: () => void;
}

/** The targets of a workload, as far as a hook needs them. */
export interface LandedTargets {
  readonly targets: Pick<TargetCounts, "statuses" | "busy">;
  /** Whether every target that is up to date holds at least this snapshot. */
  hold(snapshot: number): boolean;
}

/** The commands of one workload's config that run on this machine. */
export class LocalActions implements AsyncDisposable {
  readonly #options: Pick<LocalActionsOptions, "isReleasing" | "onState">;
  readonly #hooks: Hooks | undefined;
  readonly #rebuild: Rebuild | undefined;
  #newest: LocalState | undefined;

  constructor(options: LocalActionsOptions) {
    const { hooks, rebuild, mappings } = options.workload;
    this.#options = options;
    this.#hooks = hooks && new Hooks({ ...options, hooks });
    this.#rebuild = rebuild && new Rebuild({ ...options, rebuild, mappings });
  }

  get isRunning(): boolean {
    return this.#hooks?.isRunning === true || this.#rebuild?.isRunning === true;
  }

  /** Commands that failed and have not succeeded since. */
  get failures(): number {
    return (this.#hooks?.failures ?? 0) + Number(this.#rebuild?.failed === true);
  }

  /**
   * What `hooks.after` and `rebuild` do.
   * @param released number of the released snapshot
   */
  runs(released: number): readonly LocalRunView[] {
    return [this.#hooks?.after(released) ?? [], this.#rebuild?.run ?? []].flat();
  }

  /** What `hooks.before` does, while it keeps the newest local files from their release. */
  get before(): BeforeState | undefined {
    return this.#hooks?.before;
  }

  /** Why the newest local files are not released. */
  get error(): KinsyncError | undefined {
    return this.#hooks?.error;
  }

  /** Failures no longer count, but one that keeps changes from their release. @returns whether there was any */
  dismiss(): boolean {
    const hadRebuild = this.#rebuild?.failed === true;
    if (this.#rebuild !== undefined) this.#rebuild.failed = false;
    return this.#hooks?.dismiss() === true || hadRebuild;
  }

  /** A new local state. Where its files are those of the one before, `hooks.before` has nothing to do. */
  offer(state: LocalState): void {
    const isSame = this.#newest !== undefined && hasSameFiles(this.#newest, state);
    this.#newest = state;
    const needsNone = !this.#options.isReleasing(state) || (isSame && this.before === undefined);
    if (this.#hooks === undefined || needsNone) this.#options.onState(state);
    else this.#hooks.offer(state);
  }

  /**
   * Releases changes that waited.
   * @param refresh reads the local files again: a hook may have made some of them
   * @throws `KINSYNC_RUN_LOCAL` where `hooks.before` failed
   */
  async release<Result>(release: () => Result, refresh: () => Promise<void>): Promise<Result> {
    if (this.#hooks?.decides !== true) return release();
    return await this.#hooks.beforeRelease(async () => {
      await refresh();
      return release();
    });
  }

  /**
   * Runs `hooks.before` again where it failed: its files are released if it succeeds.
   * @throws `KINSYNC_RUN_LOCAL` where it fails again
   */
  async retryBefore(): Promise<void> {
    if (this.#hooks?.error !== undefined && this.#newest !== undefined) await this.#hooks.retry(this.#newest);
  }

  /** Members came or went. */
  members(changes: readonly MemberChange[]): void {
    if (this.#rebuild === undefined) return;
    for (const { before, after } of changes) {
      if (before === undefined && after !== undefined) this.#rebuild.onMember(after.name);
    }
  }

  /** Runs the hook that follows a release, once all targets hold it. */
  follow(snapshot: number, landed: LandedTargets): void {
    if (this.#hooks?.isDueAfter(snapshot) !== true) return;
    const { statuses, busy } = landed.targets;
    const isDone = statuses.synced > 0 && statuses.waiting + statuses.syncing + statuses.accepted + busy === 0;
    if (isDone && landed.hold(snapshot)) this.#hooks.landed(snapshot);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.#hooks?.[Symbol.asyncDispose](), this.#rebuild?.[Symbol.asyncDispose]()]);
  }
}

/** The same files, and the same ones that may not be sent. */
function hasSameFiles(before: LocalState, after: LocalState): boolean {
  return !hasOtherFiles(before, after) && before.every(({ halted }, at) => halted === after[at]?.halted);
}
