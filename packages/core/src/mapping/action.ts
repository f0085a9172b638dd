import type { RestartAction, RunAction } from "../contract/action.ts";

/** A restart or a signal with its defaults filled in. Times in milliseconds. */
export type ResolvedRestart = Pick<RestartAction, "signal" | "process" | "pidFile"> &
  Required<Pick<RestartAction, "grace" | "settle">>;

/** A command of `run`, or `restart`, with its defaults filled in. */
export type ResolvedAction = RunAction & {
  /** Milliseconds until the command is killed. */
  readonly timeout: number;
  /** What it does in place of `command`, which only names it. Missing: it runs `command`. */
  readonly restart?: ResolvedRestart;
};

/** Time that `kinsync wrapper` gets to answer, besides what it waits for, in milliseconds. */
const WRAPPER_MS = 15_000;
const RESTART_DEFAULTS = { grace: 10_000, settle: 2_000 } as const;

/** `restart` of a workload as the action that follows all others. */
export function restartAction(restart: RestartAction): ResolvedAction {
  const { when = ["**"], roles, order, onFailure = "continue", signal, process, pidFile } = restart;
  const { grace, settle } = { ...RESTART_DEFAULTS, ...definedOf(restart) };
  return {
    when,
    command: signal === undefined ? "restart" : `signal ${signal} to ${process ?? pidFile ?? "process 1"}`,
    timeout: WRAPPER_MS + grace + settle,
    onFailure,
    ...(roles === undefined ? {} : { roles }),
    ...(order === undefined ? {} : { order }),
    restart: {
      grace,
      settle,
      ...(signal === undefined ? {} : { signal }),
      ...(process === undefined ? {} : { process }),
      ...(pidFile === undefined ? {} : { pidFile }),
    },
  };
}

/** Without keys that hold `undefined`: a program may write them. */
function definedOf({ grace, settle }: RestartAction): Partial<typeof RESTART_DEFAULTS> {
  return Object.fromEntries(Object.entries({ grace, settle }).filter(([, value]) => value !== undefined));
}
