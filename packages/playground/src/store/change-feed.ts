import type { StoreEvent, StoredObject } from "../world.ts";

/** One change, with what a watch with selectors needs. */
export interface StoreChange extends StoreEvent {
  /** The resourceVersion after the change, as a number. */
  readonly revision: number;
  /** The object before the change; missing for a new one. */
  readonly previous?: StoredObject;
}

/** Watches can resume from this many changes; older ones are forgotten, as in the real API server. */
const HISTORY_CHANGES = 20_000;

/** Delivers changes to listeners, in order, and stores the latest ones. */
export class ChangeFeed {
  readonly #listeners = new Set<(change: StoreChange) => void>();
  readonly #waiting: StoreChange[] = [];
  #delivering = false;
  #history: StoreChange[] = [];
  #oldest = 0;

  observe(listener: (change: StoreChange) => void): Disposable {
    // A new function, because the same listener may subscribe twice.
    const entry = (change: StoreChange): void => {
      listener(change);
    };
    this.#listeners.add(entry);
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(entry);
      },
    };
  }

  /** Stores and delivers a change before it returns, unless a listener called it. */
  publish(change: StoreChange): void {
    this.#history.push(change);
    if (this.#history.length > HISTORY_CHANGES * 2) {
      const dropped = this.#history.splice(0, this.#history.length - HISTORY_CHANGES);
      this.#oldest = dropped.at(-1)?.revision ?? this.#oldest;
    }
    this.#waiting.push(change);
    // When a listener writes, the other listeners get its change after the one that caused it.
    if (this.#delivering) {
      return;
    }
    this.#delivering = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        for (const listener of this.#listeners) {
          deliver(listener, next);
        }
      }
    } finally {
      this.#delivering = false;
    }
  }

  /** Every change after `revision`, oldest first; `undefined` if the history does not reach back that far. */
  since(revision: number): readonly StoreChange[] | undefined {
    if (revision < this.#oldest) {
      return undefined;
    }
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#history[middle]?.revision ?? 0) > revision) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return this.#history.slice(low);
  }

  /** Forgets everything before `oldest`, which is the first revision that is not expired. */
  forget(oldest: number): void {
    this.#history = [];
    this.#oldest = oldest;
  }
}

function deliver(listener: (change: StoreChange) => void, change: StoreChange): void {
  try {
    listener(change);
  } catch (error) {
    // A listener's error must not fail the write, and must not stay hidden.
    queueMicrotask(() => {
      throw error;
    });
  }
}
