import PQueue from "p-queue";
import { untilAborted } from "../../time/deadline.ts";

/** Sessions that are opened at one time, on one node and in all: real nodes stall when dozens of execs start at once. */
const PER_NODE = 8;
const IN_ALL = 48;

/** Opens a bounded number of sessions at a time; the others wait in order. */
export class OpenLimit {
  readonly #all = new PQueue({ concurrency: IN_ALL });
  readonly #nodes = new Map<string, PQueue>();

  /** Runs `open` when there is room for it; rejects at once when the signal ends while it waits. */
  async run<Result>(node: string, signal: AbortSignal, open: () => Promise<Result>): Promise<Result> {
    const queue = this.#queueOf(node);
    const work = queue.add(async () => {
      signal.throwIfAborted();
      return await this.#all.add(async () => {
        // Its turn may come long after nobody waits any longer.
        signal.throwIfAborted();
        return await open();
      });
    });
    // Nodes come and go; an idle queue remembers nothing.
    void work
      .catch(() => undefined)
      .then(() => {
        if (queue.size === 0 && queue.pending === 0 && this.#nodes.get(node) === queue) this.#nodes.delete(node);
      });
    return await untilAborted(work, signal);
  }

  #queueOf(node: string): PQueue {
    let queue = this.#nodes.get(node);
    if (queue === undefined) {
      queue = new PQueue({ concurrency: PER_NODE });
      this.#nodes.set(node, queue);
    }
    return queue;
  }
}
