import type { ErrorCode } from "../errors/codes.ts";
import type { KinsyncError } from "../errors/error.ts";
import type { TargetStatus } from "../sync/target/status.ts";

/** Why a workload, or one of its mappings, has no targets, where waiting does not help. */
export interface Obstacle {
  readonly code: ErrorCode;
  /** Makes the error. Its message may list names of all members, so it is made only when it is shown. */
  readonly error: () => KinsyncError;
  /** It gets no time to disappear: a missing right. Default: `false`. */
  readonly isFinal?: boolean;
  /** Nothing but a change of the workload's spec removes it: a run ends with it once nothing is in progress. Default: `false`. */
  readonly isLasting?: boolean;
}

/** Progress of one workload: everything that determines whether the work is done. */
export interface WorkloadProgress {
  /** The state of every mapping's local files is known. */
  readonly isLocalReady: boolean;
  /** The members are known, or cannot be determined. */
  readonly isResolved: boolean;
  /** The first pass was complete at an earlier moment. */
  readonly wasReady: boolean;
  /** Nothing may be sent: the local files of every mapping are halted. */
  readonly isHalted: boolean;
  /** Running targets by status. */
  readonly targets: Readonly<Record<TargetStatus, number>>;
  /** Targets with a pass or a command in progress, and questions to the user. */
  readonly busy: number;
  /** Of `targets`, those with the status `syncing` that wait for the other members of their gang. */
  readonly atBarrier: number;
  /** Not every target should hold the newest snapshot: their gang could not release it, or not yet. `given-up`: it is not tried again. */
  readonly heldBack: "candidate" | "given-up" | undefined;
  /** Containers that should hold files and do not run. */
  readonly notRunning: number;
  /** Commands of `run` that failed and have neither succeeded since nor were dismissed. */
  readonly failedRuns: number;
  /** Mapped local paths that cannot be read. */
  readonly unread: number;
  /** Of `unread`, those that change faster than they can be read, and are read again by themselves. */
  readonly unstable: number;
  readonly obstacle: Obstacle | undefined;
}

/** The time limits that have passed. */
export interface Elapsed {
  /** `wait`: for containers that do not run yet, and for targets with another attempt due. */
  readonly wait: boolean;
  /** The time that an obstacle gets to disappear. */
  readonly obstacle: boolean;
  /** The first pass itself: the API server or the local files never answered. */
  readonly patience: boolean;
}

export interface Outcome {
  /** A run with `mode: once` may end. */
  readonly isDone: boolean;
  /**
   * How the run ended, if it ended now. 0: every eligible target holds the released snapshot, and nothing failed; 2: the config
   * names something that does not exist in the cluster; 3: a target is stale, failed or halted, a container does not run, a
   * command failed, or a mapped local path cannot be read; 4: nothing to sync to; 5: the cluster does not allow it.
   */
  readonly exitCode: 0 | 2 | 3 | 4 | 5;
  /** Of the first workload that has one. */
  readonly obstacle: Obstacle | undefined;
}

/** Decides readiness, end and exit code of a run. Pure, and the only place that does. */
export function outcome(workloads: readonly WorkloadProgress[], elapsed: Elapsed): Outcome {
  const [obstacle] = workloads.flatMap((workload) => workload.obstacle ?? []);
  // A final one ends its own workload; the others are brought up to date first.
  const isBlocked =
    elapsed.obstacle && workloads.some((each) => each.obstacle !== undefined && each.obstacle.isFinal !== true);
  return {
    isDone: workloads.length > 0 && (isBlocked || workloads.every((workload) => isWorkloadDone(workload, elapsed))),
    exitCode: obstacle === undefined ? exitCode(workloads) : exitCodeOfObstacle(obstacle),
    obstacle,
  };
}

/** The first pass is complete: members and local files are known, and every target had its first attempt. */
export function isReady(progress: WorkloadProgress): boolean {
  const { wasReady, isLocalReady, isResolved, isHalted, targets, atBarrier, heldBack } = progress;
  if (wasReady) return true;
  if (!isLocalReady || !isResolved) return false;
  return isHalted || heldBack === "given-up" || targets.waiting + targets.syncing - atBarrier === 0;
}

function isWorkloadDone(workload: WorkloadProgress, elapsed: Elapsed): boolean {
  if (workload.obstacle?.isFinal === true) return true;
  if (!isReady(workload)) return elapsed.patience;
  if (workload.obstacle?.isLasting === true && workload.busy === 0) return true;
  if (workload.isHalted || (workload.heldBack === "given-up" && workload.busy === 0)) return true;
  return (isSettled(workload) && workload.notRunning === 0) || (elapsed.wait && workload.busy === 0);
}

/** Every target holds the released snapshot or needs the user, no command is running, and no local file is about to be read again. */
function isSettled({ targets, busy, atBarrier, unstable }: WorkloadProgress): boolean {
  const total = totalOf(targets);
  const settled = targets.synced + targets.accepted + targets.failed + targets.halted + atBarrier;
  return total > 0 && busy === 0 && unstable === 0 && settled === total;
}

function exitCode(workloads: readonly WorkloadProgress[]): 0 | 3 | 4 {
  const isBehind = workloads.some(
    ({ targets, failedRuns, unread, isHalted, heldBack }) =>
      targets.synced < totalOf(targets) || failedRuns > 0 || unread > 0 || isHalted || heldBack !== undefined,
  );
  if (isBehind) return 3;
  if (workloads.some(({ targets }) => totalOf(targets) === 0)) return 4;
  return workloads.some(({ notRunning }) => notRunning > 0) ? 3 : 0;
}

function exitCodeOfObstacle({ code }: Obstacle): 2 | 3 | 5 {
  // A command on this machine failed, so that the changes are not released.
  if (code.startsWith("KINSYNC_RUN_")) return 3;
  return code.startsWith("KINSYNC_CLUSTER_") ? 5 : 2;
}

function totalOf(targets: Readonly<Record<TargetStatus, number>>): number {
  return Object.values(targets).reduce((sum, count) => sum + count, 0);
}
