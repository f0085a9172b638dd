// A queue of keys to reconcile; a key that is added twice is reconciled once.

export interface WorkQueueOptions {
  /** Called with each error; the key is retried in any case. */
  readonly onError: (error: unknown, key: string) => void;
}

const FIRST_RETRY_MS = 5;
const LAST_RETRY_MS = 1000;

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

  /** Pauses the queue until the returned handle is disposed. */
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

  /** Enqueues the key later; of several times, the earliest counts. */
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
    // Never within the write that caused it: the writer must finish first.
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
        this.addAfter(key, Math.min(FIRST_RETRY_MS * 2 ** failures, LAST_RETRY_MS));
        this.#options.onError(error, key);
      }
    }
  }
}
