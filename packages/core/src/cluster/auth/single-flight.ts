import { untilAborted } from "../../time/deadline.ts";

/**
 * Runs work once for all callers that arrive while it runs. A caller that aborts does not disturb the others; the work stops
 * when its last caller aborts, unless it outlives them.
 */
export class SingleFlight<Result> {
  readonly #outlives: boolean;
  #flight: { readonly result: Promise<Result>; readonly stop: AbortController; waiting: number } | undefined;

  /** @param outlives the work goes on without callers, for those that come later */
  constructor(outlives = false) {
    this.#outlives = outlives;
  }

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
      if (flight.waiting === 0 && !this.#outlives) {
        if (this.#flight === flight) this.#flight = undefined;
        flight.stop.abort();
      }
    }
  }
}
