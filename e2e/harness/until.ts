import { setTimeout as delay } from "node:timers/promises";

/** Milliseconds that the world is given to come to a state; a loaded machine takes its time. */
export const PATIENCE = 60_000;

export interface UntilOptions {
  /** Milliseconds. Default: `PATIENCE`. */
  readonly within?: number;
  /** Milliseconds between two looks. Default: 200. */
  readonly every?: number;
  readonly signal?: AbortSignal;
}

/**
 * Looks again and again until there is an answer that is neither `undefined` nor `false`.
 * Rejects with `what` and the last failure of `look` where that takes too long.
 */
export async function until<Answer>(
  what: string,
  look: () => Promise<Answer | undefined | false> | Answer | undefined | false,
  options: UntilOptions = {},
): Promise<Answer> {
  const within = options.within ?? PATIENCE;
  const end = performance.now() + within;
  for (;;) {
    let failure: unknown;
    try {
      const answer = await look();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      failure = error;
    }
    options.signal?.throwIfAborted();
    if (performance.now() > end) {
      throw new Error(`it did not come about within ${within / 1000} s that ${what}`, { cause: failure });
    }
    await delay(options.every ?? 200);
  }
}
