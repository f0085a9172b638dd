import { KinsyncError } from "../errors/error.ts";
import type { GangPhase, GangState } from "./gang/gang-state.ts";
import type { ReleasedSnapshot } from "./history.ts";
import type { KindEntry } from "../plugins/host.ts";
import type { Release } from "./release.ts";
import type { ResolvedWorkload } from "./resolved-workload.ts";
import type { WorkloadChanges } from "./workload-changes.ts";

/** The workloads that a command is for. Default of both: all of the run. */
export interface WorkloadSelection {
  /** As the user named it: `jobset/train`. */
  readonly workload?: string | undefined;
  readonly namespace?: string | undefined;
}

/** A snapshot that a command released. */
export interface Released {
  readonly workload: string;
  readonly namespace: string;
  readonly snapshot: number;
  /** Number of the snapshot whose files an `undo` released again. */
  readonly of?: number;
}

/** A target whose failed commands were dismissed. */
export interface Dismissed {
  readonly workload: string;
  readonly namespace: string;
  /** `pod/train-0, container main`, or `this machine` for `hooks` and `rebuild`. */
  readonly target: string;
}

/** The snapshots of one workload that were released during the run, oldest first. */
export interface WorkloadHistory {
  readonly workload: string;
  readonly namespace: string;
  /** Number of the snapshot that is released now; 0 before the first. */
  readonly current: number;
  readonly snapshots: readonly HistorySnapshot[];
  /** What a gang has not released: the snapshot that its members prepare or could not prepare, and the one that waits behind it. */
  readonly candidates: readonly HistoryCandidate[];
}

/** A snapshot that no target should hold yet. */
export interface HistoryCandidate extends ReleasedSnapshot {
  /** `waiting`: the candidate before it is not decided yet. The others as in the event `gang`. */
  readonly phase: GangPhase | "waiting";
}

/** One released snapshot, and who holds it. */
export interface HistorySnapshot extends ReleasedSnapshot {
  /** Targets that hold it: `pod/train-0, container main`. */
  readonly targets: readonly string[];
}

/**
 * Commands for a running engine. Before `run` and after its end they have no effect. A command for a workload that the run does not have
 * throws `KINSYNC_RESOLVE_WORKLOAD`.
 */
export interface EngineCommands {
  /** Scans all local files again; settles when their state is known. */
  rescan(): Promise<void>;
  /** Retries at once every target that failed or waits for its next attempt, and what a gang gave up. Releases nothing. */
  retry(): void;
  /**
   * Does what `retry` does, and releases local changes that wait: in mode `manual`, while paused, after `undo`, and where `hooks.before`
   * failed.
   * @param options.files absolute local paths: only changes of these, and below them. Default: all
   * @returns what was released: at once, or when `hooks.before` has succeeded
   * @throws `KINSYNC_RUN_LOCAL` where that hook failed: then the changes wait on
   */
  trigger(
    options?: WorkloadSelection & { readonly files?: readonly string[] | undefined },
  ): Promise<readonly Released[]>;
  /**
   * Releases the files of an earlier snapshot as a new one, also to pods that start later. It holds until the next save, in mode `manual`
   * until `trigger`.
   * @param options.to number of a released snapshot. Default: the one before, whose files differ; of several workloads, those without
   *   one stay as they are
   * @throws `KINSYNC_SNAPSHOT_UNKNOWN` where there is none; `KINSYNC_SNAPSHOT_LOST`, with the files, where their bytes are no longer kept.
   *   Nothing was released then.
   */
  undo(options?: WorkloadSelection & { readonly to?: number | undefined }): readonly Released[];
  /** Holds local changes until `resume`. Pods that start get what is released. */
  pause(options?: WorkloadSelection): void;
  /** Ends `pause`, and releases what collected. @throws `KINSYNC_RUN_LOCAL` where `hooks.before` failed: then it waits on */
  resume(options?: WorkloadSelection): Promise<void>;
  history(options?: WorkloadSelection): readonly WorkloadHistory[];
  /** Failed commands no longer count: not in the status, not for the exit code, not in the next run. @returns the targets that had some */
  dismiss(options?: WorkloadSelection): readonly Dismissed[];
  /** Takes back at once every target that another run of kinsync took. Without it, a run continues there when the other one has ended. */
  reclaim(): void;
  /**
   * Allows the deletes that halt this mapping now, and tries again. Other deletes, later ones included, halt again.
   * @param mapping id as in the event `halted`. Default: all mappings
   */
  allowDeletes(mapping?: string): void;
  /**
   * Replaces the workloads of the run. Those whose settings are equal continue with their sessions; the others start, restart or end.
   * Settles when the former sessions of restarted and stopped workloads are closed. Calls run one after the other.
   * @param kinds from now on; a workload that another kind judges than before, or whose children one judges, restarts. Default: no change
   */
  setWorkloads(workloads: readonly ResolvedWorkload[], kinds?: readonly KindEntry[]): Promise<WorkloadChanges>;
}

/** A target, and the snapshot that it holds. */
interface HeldBy {
  readonly pod: string;
  readonly container: string;
  readonly snapshot: number | undefined;
}

/** What an engine provides for its commands. */
export interface Commandable {
  readonly name: string;
  readonly namespace: string;
  readonly releases: Pick<Release, "undo" | "undoProblem" | "pause" | "history" | "candidates" | "current">;
  rescan(): Promise<void>;
  retryNow(): void;
  /** @returns the number of the released snapshot */
  trigger(files: readonly string[] | undefined): Promise<number | undefined>;
  resume(): Promise<void>;
  /** @returns the targets that had failed commands */
  dismiss(): readonly string[];
  view(): { readonly snapshot: number; readonly gang?: GangState; readonly targets: readonly HeldBy[] };
  reclaim(): void;
  allowDeletes(mapping?: string): void;
}

/**
 * The commands for the workloads that run now.
 * @param onReclaim called before targets are taken back
 */
export function engineCommands(
  running: () => readonly Commandable[],
  setWorkloads: EngineCommands["setWorkloads"],
  onReclaim: () => void,
): EngineCommands {
  return {
    async rescan() {
      await Promise.all(running().map((each) => each.rescan()));
    },
    retry() {
      for (const each of running()) each.retryNow();
    },
    async trigger(options = {}) {
      const released = await Promise.all(
        select(running(), options).map(async (each) => ({ each, snapshot: await each.trigger(options.files) })),
      );
      return released.flatMap(({ each: { name, namespace }, snapshot }) =>
        snapshot === undefined ? [] : [{ workload: name, namespace, snapshot }],
      );
    },
    undo({ to, ...selection } = {}) {
      return undoable(select(running(), selection), to).map((each) => ({
        workload: each.name,
        namespace: each.namespace,
        ...each.releases.undo(to),
      }));
    },
    pause(options = {}) {
      for (const each of select(running(), options)) each.releases.pause();
    },
    async resume(options = {}) {
      await Promise.all(select(running(), options).map((each) => each.resume()));
    },
    history(options = {}) {
      return select(running(), options).map(historyOf);
    },
    dismiss(options = {}) {
      return select(running(), options).flatMap((each) =>
        each.dismiss().map((target) => ({ workload: each.name, namespace: each.namespace, target })),
      );
    },
    reclaim() {
      onReclaim();
      for (const each of running()) each.reclaim();
    },
    allowDeletes(mapping) {
      for (const each of running()) each.allowDeletes(mapping);
    },
    setWorkloads,
  };
}

/**
 * The workloads that an `undo` changes. Without a number, those without an earlier snapshot stay as they are. All are checked before the
 * first one changes, so that none is undone where another one cannot be.
 */
function undoable(selected: readonly Commandable[], to: number | undefined): readonly Commandable[] {
  const tried = selected.map((each) => ({ each, problem: each.releases.undoProblem(to) }));
  const able = tried.filter(({ problem }) => to !== undefined || problem?.code !== "KINSYNC_SNAPSHOT_UNKNOWN");
  for (const { each, problem } of able.length === 0 ? tried : able) {
    if (problem === undefined) continue;
    const { code, message, details, retry } = problem;
    const text = selected.length > 1 ? `${each.name}: ${message}; nothing was undone` : message;
    throw new KinsyncError(code, text, { retry, details });
  }
  return able.map(({ each }) => each);
}

function historyOf(workload: Commandable): WorkloadHistory {
  const { name, namespace, releases } = workload;
  const { snapshot: current, gang, targets } = workload.view();
  // Those before it were replaced.
  const candidates = releases.candidates.filter(({ number }) => gang !== undefined && number >= gang.snapshot);
  const holding = (number: number): readonly string[] =>
    targets
      .filter(({ snapshot }) => snapshot === number)
      .map(({ pod, container }) => `pod/${pod}, container ${container}`);
  return {
    workload: name,
    namespace,
    current,
    snapshots: releases.history.map((each) => ({ ...each, targets: holding(each.number) })),
    candidates: candidates.map((each) => ({
      ...each,
      phase: gang?.snapshot === each.number ? gang.phase : "waiting",
    })),
  };
}

function select<T extends Pick<Commandable, "name" | "namespace">>(
  running: readonly T[],
  { workload, namespace }: WorkloadSelection,
): readonly T[] {
  const selected = running.filter(
    (each) => (workload ?? each.name) === each.name && (namespace ?? each.namespace) === each.namespace,
  );
  if (selected.length > 0 || running.length === 0) return selected;
  const names = running.map((each) => `${each.name} in namespace ${each.namespace}`).join(", ");
  const wanted = [workload, namespace === undefined ? undefined : `namespace ${namespace}`]
    .filter(Boolean)
    .join(" in ");
  throw new KinsyncError("KINSYNC_RESOLVE_WORKLOAD", `this run has no ${wanted}; it has ${names}`, {
    retry: "terminal",
  });
}
