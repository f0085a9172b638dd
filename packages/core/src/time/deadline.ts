/** The reason of a signal whose deadline passed. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";

  /** @param operation what took too long: `list pods` */
  constructor(operation: string) {
    super(`${operation}: no answer in time`);
  }
}

/**
 * A signal that aborts with another one, after some time without `touch`, or when it is disposed, so that nothing of the work
 * is left open.
 */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** The time is over; the other signal had not aborted before. */
  readonly isOver: boolean;
  /** There was a sign of life: the time starts again. */
  touch(): void;
}

/**
 * Limits work in time. After the time limit the signal aborts with a `DeadlineError`.
 * @param limitMs milliseconds
 * @param operation for the error: `list pods`
 */
export function deadline(signal: AbortSignal, limitMs: number, operation: string): Deadline {
  const controller = new AbortController();
  let isOver = false;
  const onAbort = (): void => controller.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => {
    if (controller.signal.aborted) return;
    isOver = true;
    controller.abort(new DeadlineError(operation));
  }, limitMs);
  return {
    signal: controller.signal,
    get isOver() {
      return isOver;
    },
    touch() {
      if (!controller.signal.aborted) timer.refresh();
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      controller.abort(new Error(`${operation}: finished`));
    },
  };
}

/**
 * Resolves after that time, or as soon as the signal aborts. It uses the global timer and not `node:timers/promises`, which
 * virtual clocks of tests do not replace.
 */
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

/** Settles with the work, or rejects with the signal's reason when it aborts first; a later failure of the work is ignored. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined);
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Waits for a promise, but no longer than this. Rejects as it does. */
export async function within(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)));
  try {
    await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}
