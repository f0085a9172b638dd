/**
 * One piece of work for however many callers that come while it runs. A caller that gives up leaves the others theirs; the
 * work is stopped when nobody waits for it any more.
 */
export class SingleFlight<Result> {
  #flight: { readonly result: Promise<Result>; readonly stop: AbortController; waiting: number } | undefined;

  async run(signal: AbortSignal, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    signal.throwIfAborted();
    let flight = this.#flight;
    if (flight === undefined) {
      const stop = new AbortController();
      const started = { result: work(stop.signal), stop, waiting: 0 };
      const end = () => {
        if (this.#flight === started) this.#flight = undefined;
      };
      started.result.then(end, end);
      this.#flight = flight = started;
    }
    flight.waiting += 1;
    try {
      return await untilAborted(flight.result, signal);
    } finally {
      flight.waiting -= 1;
      if (flight.waiting === 0) {
        if (this.#flight === flight) this.#flight = undefined;
        flight.stop.abort();
      }
    }
  }
}

/** The same promise, but for a caller that may stop waiting. */
export async function untilAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
