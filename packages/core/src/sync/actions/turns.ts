import type { ResolvedAction } from "../../mapping/action.ts";

/**
 * What becomes of a step: it runs; another target ran the action (`done`); it stays owed, since another target failed with it or ran it
 * without success (`held`); or the target ends (`over`).
 */
export type TurnAnswer = "run" | "done" | "held" | "over";

/** Decides when a target may run the actions that depend on other targets. */
export interface ActionTurns {
  /** Whether an action depends on other targets. */
  depends(action: ResolvedAction): boolean;
  /** These are due here, and wait or run from now on. */
  queue(actions: readonly ResolvedAction[]): void;
  /** Settles when the step may begin. @param step position in `stepsOf` */
  enter(action: ResolvedAction, step: number): Promise<TurnAnswer>;
  /** The action ended here, after its last step, after a failure, or before its first step. */
  leave(action: ResolvedAction, how: "succeeded" | "failed" | "skipped"): void;
}
