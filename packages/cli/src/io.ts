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
  /** Keys arrive one by one and are not shown. Missing: lines only. */
  setRawMode?(on: boolean): unknown;
}

/** What a key may do to the process: in raw mode the terminal sends no signals by itself. */
export interface JobControl {
  /** As Ctrl-C. */
  interrupt(): void;
  /** As Ctrl-Z. */
  suspend(): void;
  /** The process runs in front, and may read keys: a job in the background would be stopped for it. */
  isForeground(): boolean;
  /** Calls back whenever the process continues after it was suspended. @returns ends that */
  onContinue(listener: () => void): () => void;
  /** Calls back when the process exits, whatever the reason. @returns ends that */
  onExit(listener: () => void): () => void;
}

/** Everything of the outside world that a command may touch. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Where answers to questions come from. Default: nobody is asked. */
  readonly stdin?: Input | undefined;
  /** Default: there are no keys. */
  readonly jobControl?: JobControl | undefined;
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
