/** Sessions that are opened at one time, on one node and in all: real nodes stall when dozens of execs start at once. */
const PER_NODE = 8;
const IN_ALL = 48;

/** Lets a bounded number of sessions be opened at a time; the others wait in order. */
export class OpenLimit {
  readonly #perNode = new Map<string, number>();
  #open = 0;
  readonly #waiting: { readonly node: string; readonly start: () => void }[] = [];

  /** Runs `open` when there is room for it; rejects at once when the signal fires while it waits. */
  async run<Result>(node: string, signal: AbortSignal, open: () => Promise<Result>): Promise<Result> {
    await this.#enter(node, signal);
    try {
      return await open();
    } finally {
      this.#open -= 1;
      this.#perNode.set(node, (this.#perNode.get(node) ?? 1) - 1);
      this.#admit();
    }
  }

  #enter(node: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter = {
        node,
        start: (): void => {
          signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal.reason as Error);
      };
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(waiter);
      this.#admit();
    });
  }

  #admit(): void {
    for (let index = 0; index < this.#waiting.length && this.#open < IN_ALL;) {
      const waiter = this.#waiting[index];
      const busy = waiter === undefined ? PER_NODE : (this.#perNode.get(waiter.node) ?? 0);
      if (waiter === undefined || busy >= PER_NODE) {
        index += 1;
        continue;
      }
      this.#waiting.splice(index, 1);
      this.#open += 1;
      this.#perNode.set(waiter.node, busy + 1);
      waiter.start();
    }
  }
}
