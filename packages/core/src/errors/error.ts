import { ERRORS, type ErrorCode } from "./codes.ts";

/** What the engine does about an error: try again, forget the target (it is gone), or leave it to the user. */
export type Retry = "retry" | "gone" | "terminal";

/** What an error states besides its code and message. */
export interface KinsyncErrorOptions {
  /** The next step, as a command or a config line where possible. Default: the table's. */
  readonly hint?: string;
  /** What caused it. */
  readonly cause?: unknown;
  /** Default: the table's. */
  readonly retry?: Retry;
  /** Facts for programs. Never a secret, never file content. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Which plugin failed, and in which of its functions. */
  readonly plugin?: string;
  /** Default: not known. */
  readonly operation?: string;
}

const BRAND = Symbol.for("kinsync.error");

/** Every failure that kinsync reports: what happened to which object and why, and what to do next. */
export class KinsyncError extends Error {
  override readonly name = "KinsyncError";
  readonly [BRAND] = true;
  /** Stable name: programs compare it, never the message. */
  readonly code: ErrorCode;
  /** The next step, for people. */
  readonly hint: string;
  /** What kinsync does next. */
  readonly retry: Retry;
  /** Facts for programs. */
  readonly details: Readonly<Record<string, unknown>>;
  /** The plugin that failed. */
  readonly plugin: string | undefined;
  /** The function of the plugin that failed. */
  readonly operation: string | undefined;

  constructor(code: ErrorCode, message: string, options: KinsyncErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? ERRORS[code].hint;
    this.retry = options.retry ?? ERRORS[code].retry;
    this.details = options.details ?? {};
    this.plugin = options.plugin;
    this.operation = options.operation;
  }
}

/** True for errors of any copy of this package: two may be installed side by side. */
export function isKinsyncError(error: unknown): error is KinsyncError {
  return typeof error === "object" && error !== null && BRAND in error;
}

/** True for failures of local files and of this machine's disks. No plugin and no container causes them, so a session outlives them. */
export function isSourceError(error: unknown): boolean {
  return isKinsyncError(error) && error.code.startsWith("KINSYNC_SOURCE_");
}

/**
 * The error itself where it is a `KinsyncError`; else a `KINSYNC_INTERNAL` that names what was being done.
 * @param what for example `pod/web-0, container main: cannot connect`
 */
export function asKinsyncError(error: unknown, what?: string, options: KinsyncErrorOptions = {}): KinsyncError {
  if (isKinsyncError(error)) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new KinsyncError("KINSYNC_INTERNAL", what === undefined ? why : `${what}: ${why}`, {
    ...options,
    cause: error,
  });
}
