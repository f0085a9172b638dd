/** The reason of a signal whose deadline passed. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
  /** The operation, as in `list pods`. */
  readonly operation: string;

  constructor(operation: string) {
    super(`${operation}: no answer in time`);
    this.operation = operation;
  }
}

/**
 * A signal that ends with another one, or after some time without `touch`, or when it is disposed: whatever of the work is
 * still open then is let go.
 */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** It was the time, not the other signal. */
  readonly isOver: boolean;
  /** There was a sign of life: the time starts anew. */
  touch(): void;
}

/** @param limit milliseconds */
export function deadline(signal: AbortSignal, limit: number, what: string): Deadline {
  const controller = new AbortController();
  let over = false;
  const onAbort = (): void => controller.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => {
    over = true;
    controller.abort(new DeadlineError(what));
  }, limit);
  return {
    signal: controller.signal,
    get isOver() {
      return over;
    },
    touch() {
      if (!controller.signal.aborted) timer.refresh();
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      controller.abort(new Error(`${what}: it is over`));
    },
  };
}

/** Waits; ends early, without an error, with the signal. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done, { once: true });
  });
}

/** Settles with the work, or rejects when the signal ends first; the work's own late failure is nobody's any more. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined);
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
  }
}
