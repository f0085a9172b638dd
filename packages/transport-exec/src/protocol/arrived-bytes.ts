/** How much of an archive the agent has read, as it reports after each segment. */
export class ArrivedBytes {
  #arrived = 0;
  #waiting: (() => void)[] = [];

  /** @param bytes `Infinity`: the rest of the archive does not matter */
  add(bytes: number): void {
    this.#arrived += bytes;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Resolves when at least so many bytes have arrived, or the transfer was aborted. */
  async reach(bytes: number, signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.add(0);
    signal.addEventListener("abort", onAbort);
    try {
      while (this.#arrived < bytes && !signal.aborted) {
        await new Promise<void>((resolve) => void this.#waiting.push(resolve));
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }
}
