import { KinsyncError } from "@kinsync/core/contract";

/** Waits for values that events bring about. */
export interface Signpost {
  /** Something happened: every condition is checked again. */
  readonly look: () => void;
  /**
   * The first value that is not `undefined`. Rejects when the signal is aborted, and with `KINSYNC_INTERNAL` after the limit.
   * @param what for the message: `all five members to run`
   */
  readonly until: <Value>(what: string, find: () => Value | undefined, limit?: number) => Promise<Value>;
}

/** Milliseconds that a step of the demo may take. */
const LIMIT = 30_000;

export function createSignpost(signal: AbortSignal): Signpost {
  const waiting = new Set<() => void>();
  return {
    look: () => {
      for (const each of waiting) each();
    },
    until: async (what, find, limit = LIMIT) => {
      const { promise, resolve, reject } = Promise.withResolvers<NonNullable<ReturnType<typeof find>>>();
      const check = (): void => {
        const value = find();
        if (value !== undefined) resolve(value as NonNullable<typeof value>);
      };
      const onAbort = (): void => reject(signal.reason);
      const timer = setTimeout(
        () => reject(new KinsyncError("KINSYNC_INTERNAL", `The demo waited ${limit / 1_000} s for ${what}`)),
        limit,
      );
      // No event reports what a process in a container does.
      const poll = setInterval(check, 50);
      waiting.add(check);
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        if (signal.aborted) onAbort();
        check();
        return await promise;
      } finally {
        clearTimeout(timer);
        clearInterval(poll);
        waiting.delete(check);
        signal.removeEventListener("abort", onAbort);
      }
    },
  };
}
