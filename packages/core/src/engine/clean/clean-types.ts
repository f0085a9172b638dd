import type { PlanProblem } from "../dry-run/plan-types.ts";

/** What kinsync left of one mapping in one container. */
export interface LeftBehind {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** Id of the mapping. */
  readonly mapping: string;
  /** POSIX path in the container. */
  readonly to: string;
  /** Absolute container paths that kinsync placed there and that still exist; content comes before its folder. */
  readonly placed: readonly string[];
  /** The run that wrote last: user and machine, and when it began. Missing where that is not known. */
  readonly owner?: { readonly name: string; readonly since: string };
  /** Why nothing is removed: another run is at work there, or the root cannot be read. */
  readonly problem?: PlanProblem;
}

/** What became of it. */
export interface CleanedRoot extends LeftBehind {
  /** `removed`; `kept`: nothing was allowed; `failed`: see `problem`. */
  readonly status: "removed" | "kept" | "failed";
}

export interface CleanResult {
  readonly roots: readonly CleanedRoot[];
  /** Containers that could not be looked at, each with the reason. */
  readonly problems: readonly PlanProblem[];
}
