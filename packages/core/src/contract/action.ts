/** In which of the members that got the files a command runs: in each, in any one, or in index 0 of each role. */
export const RUN_MEMBERS = Object.freeze(["all", "one", "leader"] as const);

/** One of `RUN_MEMBERS`. */
export type RunMembers = (typeof RUN_MEMBERS)[number];

/**
 * What follows a command that failed. `continue`: the commands after it run. `hold`: they do not, and the target is `failed` until the
 * command succeeds or is dismissed.
 */
export const FAILURE_RULES = Object.freeze(["continue", "hold"] as const);

/** One of `FAILURE_RULES`. */
export type FailureRule = (typeof FAILURE_RULES)[number];

/** A command to run in a target after a commit that touched certain paths. */
export interface RunAction {
  /** Globs over the changed paths, relative to the mapping's `from` (gitignore syntax). */
  readonly when: readonly string[];
  /** argv, or one string for `sh -c`. */
  readonly command: readonly string[] | string;
  /** Only in members of these roles. Default: all. */
  readonly roles?: readonly string[];
  /** Milliseconds until the command is killed. Default: 60,000. */
  readonly timeout?: number;
  /** Only until it has succeeded once in the life of a container, across runs of kinsync. Needs `sh` in the container. Default: `false`. */
  readonly once?: boolean;
  /** Default: `all`. */
  readonly on?: RunMembers;
  /** Roles one after the other: a role begins when the command has ended in all members of the one before. Other roles follow. Default: all at once. */
  readonly order?: readonly string[];
  /** Folder to run in; needs `sh` in the container. Default: the container's working directory. */
  readonly workdir?: string;
  /** Variables besides those of the container. Default: none. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: `continue`. */
  readonly onFailure?: FailureRule;
  /** Shows the output also when the command succeeds. Default: `false`. */
  readonly showOutput?: boolean;
}

/**
 * Restarts the process of a container, or signals it, after a commit that touched certain paths. Without `signal`, the container's command
 * has to be started by `kinsync wrapper`; then all members stop, and start when the last one has stopped.
 */
export interface RestartAction {
  /** As in `RunAction`. Default: every change. */
  readonly when?: readonly string[];
  /** Only in members of these roles. Default: all. */
  readonly roles?: readonly string[];
  /** Roles that start (or get the signal) one after the other. Other roles follow. Default: all at once. */
  readonly order?: readonly string[];
  /** Sends this signal in place of a restart: `HUP`, `TERM`, `USR1`. */
  readonly signal?: string;
  /** With `signal`: name of the process that gets it. Default: process 1. */
  readonly process?: string;
  /** With `signal`: file in the container with the ID of the process. Default: process 1. */
  readonly pidFile?: string;
  /** Milliseconds from `TERM` to `KILL`. Default: 10,000. */
  readonly grace?: number;
  /** A process that ends within these milliseconds after its start has failed. Default: 2,000. */
  readonly settle?: number;
  /** Default: `continue`. */
  readonly onFailure?: FailureRule;
}

/** Paths that only a new image brings: they are not sent, and a change of them runs a command on this machine. */
export interface RebuildAction {
  /** Globs, relative to the mapping's `from` (gitignore syntax). */
  readonly when: readonly string[];
  /** argv, or one string for the shell of the system. It runs in the folder of the config. */
  readonly command: readonly string[] | string;
  /** Milliseconds until the command is killed. Default: 1,800,000. */
  readonly timeout?: number;
}

/** Commands on this machine around each release, in the folder of the config: argv, or one string for the shell of the system. */
export interface HooksConfig {
  /**
   * Before local changes are released: after a save, in mode `manual` with `trigger`, after `pause` with `resume`. A failure keeps them from
   * it until the next one of these.
   */
  readonly before?: readonly string[] | string;
  /** When all targets hold the snapshot and their commands have ended. */
  readonly after?: readonly string[] | string;
  /** Milliseconds until a command is killed. Default: 60,000. */
  readonly timeout?: number;
}

/** How a command ended. */
export interface RunResult {
  /** Exit code; `undefined` when it was killed; `why` gives the reason. */
  readonly exitCode: number | undefined;
  /** `lost`: the session ended before the result came. */
  readonly why: "exited" | "timeout" | "aborted" | "lost";
  /** Standard output and error as they came, at most the last 64 KiB. */
  readonly output: string;
  /** The output was longer. */
  readonly truncated: boolean;
  /** Milliseconds. */
  readonly duration: number;
}
