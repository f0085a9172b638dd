// Keys that somebody should look at; a key that is added twice is looked at once.

export interface WorkQueueOptions {
  /** Told about a failure that is not a conflict; the key is tried again in any case. */
  readonly onError: (error: unknown, key: string) => void;
}

const firstRetryMilliseconds = 5;
const lastRetryMilliseconds = 1000;

export class WorkQueue implements Disposable {
  readonly #reconcile: (key: string) => void;
  readonly #options: WorkQueueOptions;
  readonly #keys = new Set<string>();
  readonly #timers = new Map<string, { readonly at: number; readonly timer: NodeJS.Timeout }>();
  readonly #failures = new Map<string, number>();
  #scheduled: NodeJS.Immediate | undefined;
  #holders = 0;
  #closed = false;

  constructor(reconcile: (key: string) => void, options: WorkQueueOptions) {
    this.#reconcile = reconcile;
    this.#options = options;
  }

  add(key: string): void {
    if (this.#closed) return;
    this.#keys.add(key);
    this.#schedule();
  }

  /** Nothing is looked at until the handle is disposed. */
  hold(): Disposable {
    this.#holders += 1;
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (held) this.#holders -= 1;
        held = false;
        this.#schedule();
      },
    };
  }

  /** Looks at the key later; of several wishes the earliest counts. */
  addAfter(key: string, milliseconds: number): void {
    if (this.#closed) return;
    const at = Date.now() + milliseconds;
    const waiting = this.#timers.get(key);
    if (waiting !== undefined && waiting.at <= at) return;
    clearTimeout(waiting?.timer);
    const timer = setTimeout(
      () => {
        this.#timers.delete(key);
        this.add(key);
      },
      Math.min(milliseconds, 2 ** 31 - 1),
    ).unref();
    this.#timers.set(key, { at, timer });
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearImmediate(this.#scheduled);
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#keys.clear();
  }

  #schedule(): void {
    if (this.#closed || this.#holders > 0 || this.#keys.size === 0) return;
    // Never inside of the write that it answers: the writer has to come to its end first.
    this.#scheduled ??= setImmediate(() => this.#drain());
  }

  #drain(): void {
    this.#scheduled = undefined;
    if (this.#holders > 0) return;
    const keys = [...this.#keys];
    this.#keys.clear();
    for (const key of keys) {
      if (this.#closed) return;
      try {
        this.#reconcile(key);
        this.#failures.delete(key);
      } catch (error) {
        const failures = (this.#failures.get(key) ?? 0) + 1;
        this.#failures.set(key, failures);
        this.addAfter(key, Math.min(firstRetryMilliseconds * 2 ** failures, lastRetryMilliseconds));
        this.#options.onError(error, key);
      }
    }
  }
}
