import { untilAborted } from "../../time/deadline.ts";

/** Limits for sessions that open at one time, on one node and in total: real nodes stall when dozens of execs start at once. */
const MAX_PER_NODE = 8;
const MAX_TOTAL = 48;

/** Places that are taken in the order of their requests. */
class Places {
  #free: number;
  /** Those that wait, the first one first. */
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** @returns `undefined` where one was free, else a promise for the next one. It rejects when the signal ends, and then takes none. */
  take(signal: AbortSignal): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free -= 1;
      return undefined;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const take = (): void => {
      signal.removeEventListener("abort", leave);
      resolve();
    };
    const leave = (): void => {
      this.#waiting.delete(take);
      reject(signal.reason as Error);
    };
    this.#waiting.add(take);
    signal.addEventListener("abort", leave, { once: true });
    return promise;
  }

  give(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free += 1;
    else {
      this.#waiting.delete(next);
      next();
    }
  }
}

/** Opens a bounded number of sessions at a time; the others wait in order. */
export class OpenLimit {
  readonly #all = new Places(MAX_TOTAL);
  /** A cluster has few nodes, so the places of an idle one stay. */
  readonly #nodes = new Map<string, Places>();

  /** Runs `open` when the limits allow it; rejects at once when the signal ends. */
  async run<Result>(node: string, signal: AbortSignal, open: () => Promise<Result>): Promise<Result> {
    signal.throwIfAborted();
    const ofNode = this.#placesOf(node);
    const turn = ofNode.take(signal);
    if (turn !== undefined) await turn;
    try {
      const turnOfAll = this.#all.take(signal);
      if (turnOfAll !== undefined) await turnOfAll;
    } catch (error) {
      ofNode.give();
      throw error;
    }
    return await untilAborted(this.#open(open, ofNode), signal);
  }

  /** The places are taken until this has settled, also where its caller no longer waits. */
  async #open<Result>(open: () => Promise<Result>, ofNode: Places): Promise<Result> {
    try {
      return await open();
    } finally {
      this.#all.give();
      ofNode.give();
    }
  }

  #placesOf(node: string): Places {
    let places = this.#nodes.get(node);
    if (places === undefined) this.#nodes.set(node, (places = new Places(MAX_PER_NODE)));
    return places;
  }
}
