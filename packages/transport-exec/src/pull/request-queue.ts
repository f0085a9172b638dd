import type { PullRequest } from "@kinsync/core/contract";

/** Requests whose answers have not come. The container works on the next one while an answer is on its way. */
const AHEAD = 64;

/** Requests in the order in which they were sent, until they are answered. */
export class RequestQueue {
  readonly #waiting: PullRequest[] = [];
  #open = 0;
  #isOver = false;
  #wake: (() => void)[] = [];

  /** Resolves when there is room for another one. */
  async add(request: PullRequest, signal: AbortSignal): Promise<void> {
    this.#waiting.push(request);
    this.#open += 1;
    this.#change();
    // oxlint-disable-next-line no-await-in-loop -- waits for a change each time
    while (this.#open >= AHEAD) await this.#changed(signal);
  }

  /** No more requests come. */
  end(): void {
    this.#isOver = true;
    this.#change();
  }

  /** The request whose answer comes next; `undefined` after the last one. */
  async next(signal: AbortSignal): Promise<PullRequest | undefined> {
    // oxlint-disable-next-line no-await-in-loop -- waits for a change each time
    while (this.#waiting.length === 0 && !this.#isOver) await this.#changed(signal);
    signal.throwIfAborted();
    return this.#waiting.shift();
  }

  answered(): void {
    this.#open -= 1;
    this.#change();
  }

  #change(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const each of wake) each();
  }

  async #changed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#wake.push(resolve);
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }
}
