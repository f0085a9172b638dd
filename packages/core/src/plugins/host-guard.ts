import { KinsyncError } from "../errors/error.ts";
import { watchCall } from "./call-watch.ts";
import { pluginError } from "./host-error.ts";

/** How long a plugin's function may take to end after its signal aborted. */
const ABORT_GRACE_MS = 5_000;

export interface GuardOptions<T> {
  readonly plugin: string;
  /** The plugin's function, for messages. */
  readonly operation: string;
  readonly limitMs: number;
  /** The signal that the function was given. An abort rejects with the signal's reason, not with an error of the plugin. */
  readonly signal?: AbortSignal | undefined;
  /** Takes a result that arrives after the caller stopped waiting. */
  readonly onLate?: (value: T) => void;
  /** An error to reject with in place of the function's own. */
  readonly causeOf?: () => { readonly error: unknown } | undefined;
}

/**
 * Calls a plugin's function. Settles within the time limit, and shortly after an abort, whatever the function does. An error of the
 * function names plugin and operation.
 * @throws `KINSYNC_PLUGIN_FAILED` with `retry: "retry"` when the function exceeds the time limit
 */
export async function guard<T>(options: GuardOptions<T>, run: () => Promise<T>): Promise<T> {
  const { plugin, operation, limitMs, signal } = options;
  const stop = Promise.withResolvers<never>();
  let timer = setTimeout(() => stop.reject(timeoutError(plugin, operation, limitMs)), limitMs);
  const onAbort = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.reject(signal?.reason), Math.min(ABORT_GRACE_MS, limitMs));
  };
  if (signal?.aborted === true) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  let isOver = false;
  const work = (async () => watchCall(plugin, operation, run))();
  work.then(
    (value) => {
      if (isOver) options.onLate?.(value);
    },
    () => undefined,
  );
  try {
    return await Promise.race([work, stop.promise]);
  } catch (error) {
    isOver = true;
    if (signal?.aborted === true && (error === signal.reason || isAbort(error))) throw error;
    const cause = options.causeOf?.();
    throw cause === undefined ? pluginError(plugin, operation, error) : cause.error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

function timeoutError(plugin: string, operation: string, limitMs: number): KinsyncError {
  const message = `plugin ${plugin} did not return from ${operation} within ${Math.round(limitMs / 1000)} s`;
  return new KinsyncError("KINSYNC_PLUGIN_FAILED", message, { retry: "retry", plugin, operation });
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}
