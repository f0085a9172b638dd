import type { RunAction } from "../contract/action.ts";

/** A command of `run` with its defaults filled in. */
export type ResolvedAction = RunAction & {
  /** Milliseconds until the command is killed. */
  readonly timeout: number;
};
