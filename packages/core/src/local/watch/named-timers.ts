/** Timers by name: starting a timer replaces the one with the same name. They do not keep the process alive. */
export class NamedTimers implements Disposable {
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #isDisposed = false;

  start(name: string, delayMs: number, work: () => void): void {
    if (this.#isDisposed) return;
    clearTimeout(this.#timers.get(name));
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      work();
    }, delayMs);
    timer.unref();
    this.#timers.set(name, timer);
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
