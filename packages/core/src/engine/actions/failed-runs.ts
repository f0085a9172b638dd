import type { RunResult } from "../../contract/action.ts";
import { isKinsyncError, KinsyncError } from "../../errors/error.ts";
import type { ResolvedAction } from "../../mapping/action.ts";
import type { PendingAction, StepResult } from "../../sync/actions/runner.ts";
import { CANNOT_EXIT_CODE, stepsOf } from "../../sync/actions/steps.ts";

/** A command that failed in a target, and has neither succeeded there since nor was dismissed. */
export interface FailedRunView {
  readonly command: string;
  /** Missing where it did not end by itself. */
  readonly exitCode?: number;
  readonly reason: string;
  /** Its last lines. */
  readonly output: string;
  /** The target counts as `failed` because of it. */
  readonly holds: boolean;
}

/** A command that waits or runs in a target. */
export interface PendingRunView {
  readonly command: string;
  /** `waiting`: for a command before it, for other members, or for the rest of a gang. */
  readonly phase: "waiting" | "running";
  /** Number of the oldest snapshot that it follows; 0: it is repeated for an earlier one. */
  readonly snapshot: number;
}

export function pendingRunsOf(due: readonly PendingAction[] | undefined): readonly PendingRunView[] {
  return (due ?? []).map(({ action, phase, snapshot }) => ({
    command: stepsOf(action, "")[0]?.text ?? "",
    phase,
    snapshot,
  }));
}

/** Of shells and of the agents: the program does not exist. */
const NO_PROGRAM_EXIT_CODE = 127;
/** Lines of output in a view. */
const MAX_LINES = 10;

export function failedRunsOf(failures: ReadonlyMap<ResolvedAction, StepResult> | undefined): readonly FailedRunView[] {
  if (failures === undefined || failures.size === 0) return [];
  return [...failures].map(([action, step]) => {
    const { result } = step;
    const ran = isKinsyncError(result) ? undefined : result;
    return {
      command: step.text,
      ...(ran?.exitCode === undefined ? {} : { exitCode: ran.exitCode }),
      reason: stepReason(action, step),
      output: (ran?.output ?? "").trimEnd().split("\n").slice(-MAX_LINES).join("\n"),
      holds: action.onFailure === "hold",
    };
  });
}

/** The failure that holds a target, if one does. */
export function heldBy(failures: ReadonlyMap<ResolvedAction, StepResult>): KinsyncError | undefined {
  for (const [action, step] of failures) {
    if (action.onFailure !== "hold") continue;
    const why = `${step.text}: ${stepReason(action, step)}`;
    return new KinsyncError("KINSYNC_RUN_FAILED", `a command failed, and the config holds the container: ${why}`);
  }
  return undefined;
}

/** How a step ended, in one sentence without its subject. */
export function stepReason(action: ResolvedAction, { name, result, ok }: StepResult): string {
  if (isKinsyncError(result)) return result.message;
  const [line = ""] = result.output.trimEnd().split("\n").slice(-1);
  if (action.restart !== undefined && result.exitCode === CANNOT_EXIT_CODE && line !== "") return line;
  if (action.restart !== undefined && name !== "start" && result.exitCode === NO_PROGRAM_EXIT_CODE) {
    return "the container has no `sh`, which a restart or a signal needs: use an image with a shell, such as busybox";
  }
  if (name === "start" && !ok && result.why === "exited") {
    return `the new process ended with exit code ${result.exitCode ?? "unknown"}`;
  }
  return runReason(action, result);
}

function runReason(action: ResolvedAction, result: RunResult): string {
  switch (result.why) {
    case "exited":
      return `ended with exit code ${result.exitCode ?? "unknown"}`;
    case "timeout":
      return `did not end within ${action.timeout / 1000} s and was killed`;
    case "aborted":
      return "was ended together with kinsync";
    case "lost":
      return "the connection was lost before it ended";
  }
}
