import type { PlaygroundStore } from "./store/playground-store.ts";

/** How long to wait, and for what. */
export interface UntilOptions {
  /** Named in the error. Default: `the condition`. */
  readonly what?: string;
  /** Milliseconds. Default: 10,000. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/**
 * Resolves with the result of `look` as soon as it is neither `undefined` nor `false`. `look` runs at once and after each change
 * of the store, never by a timer. Rejects after the time limit, or when the signal is aborted.
 */
export async function untilStore<T>(
  store: PlaygroundStore,
  look: () => T | undefined | false,
  { what = "the condition", timeout = 10_000, signal }: UntilOptions = {},
): Promise<T> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const check = (): void => {
    try {
      const found = look();
      if (found !== undefined && found !== false) {
        resolve(found);
      }
    } catch (error) {
      reject(error);
    }
  };
  const abort = (): void => {
    reject(signal?.reason as Error);
  };
  const timer = setTimeout(() => {
    reject(new Error(`Timed out after ${timeout} ms waiting for ${what}.`));
  }, timeout);
  signal?.addEventListener("abort", abort, { once: true });
  using _subscription = store.observe(check);
  check();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
