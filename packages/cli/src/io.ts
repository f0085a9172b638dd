import type { KinsyncError } from "@kinsync/core/contract";

/** A stream to write text to; `process.stdout` is one. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** A stream to read an answer from; `process.stdin` is one. */
export interface Input extends NodeJS.ReadableStream {
  readonly isTTY?: boolean | undefined;
}

/** Everything of the outside world that a command may touch. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Where answers to questions come from. Default: nobody is asked. */
  readonly stdin?: Input | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Export conditions that this process runs with: `--conditions` of Node. */
  readonly conditions: readonly string[];
  /**
   * Reports synchronously that a plugin of the config blocks the process, and returns the exit code. Default: no watchdog; a plugin in an
   * endless loop then keeps signals from being handled.
   */
  readonly onPluginBlocked?: ((error: KinsyncError) => number) | undefined;
  /** Aborted when the user wants to stop. */
  readonly signal: AbortSignal;
}
