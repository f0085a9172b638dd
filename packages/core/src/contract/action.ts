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
