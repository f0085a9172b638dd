import PQueue from "p-queue";
import { untilAborted } from "../../time/deadline.ts";

/** Limits for sessions that open at one time, on one node and in total: real nodes stall when dozens of execs start at once. */
const MAX_PER_NODE = 8;
const MAX_TOTAL = 48;

/** Opens a bounded number of sessions at a time; the others wait in order. */
export class OpenLimit {
  readonly #all = new PQueue({ concurrency: MAX_TOTAL });
  /** A cluster has few nodes, so the queue of an idle one stays. */
  readonly #nodes = new Map<string, PQueue>();

  /** Runs `open` when the limits allow it; rejects at once when the signal ends while it waits. */
  async run<Result>(node: string, signal: AbortSignal, open: () => Promise<Result>): Promise<Result> {
    const work = this.#queueOf(node).add(async () => {
      signal.throwIfAborted();
      return await this.#all.add(async () => {
        // The caller may have aborted while this waited in the queue.
        signal.throwIfAborted();
        return await open();
      });
    });
    return await untilAborted(work, signal);
  }

  #queueOf(node: string): PQueue {
    let queue = this.#nodes.get(node);
    if (queue === undefined) {
      queue = new PQueue({ concurrency: MAX_PER_NODE });
      this.#nodes.set(node, queue);
    }
    return queue;
  }
}
