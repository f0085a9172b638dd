import type { StoreEvent, StoredObject } from "../world.ts";

/** One change, with what a watch with selectors needs to know. */
export interface StoreChange extends StoreEvent {
  /** The resourceVersion that the change made, as a number. */
  readonly revision: number;
  /** The object before the change; missing where it is new. */
  readonly previous?: StoredObject;
}

/** Changes that watches can be resumed from; as the real API server, only so many are remembered. */
const HISTORY = 20_000;

/** Hands changes to listeners, in order, and remembers the latest of them. */
export class ChangeFeed {
  readonly #listeners = new Set<(change: StoreChange) => void>();
  readonly #waiting: StoreChange[] = [];
  #delivering = false;
  #history: StoreChange[] = [];
  #oldest = 0;

  observe(listener: (change: StoreChange) => void): Disposable {
    // A function of its own: the same listener may be there twice.
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

  /** Remembers a change and tells it; both are done when this returns, unless it is called by a listener. */
  publish(change: StoreChange): void {
    this.#history.push(change);
    if (this.#history.length > HISTORY * 2) {
      const dropped = this.#history.splice(0, this.#history.length - HISTORY);
      this.#oldest = dropped.at(-1)?.revision ?? this.#oldest;
    }
    this.#waiting.push(change);
    // A listener that writes must not overtake: the other listeners see its change after the one that it answers.
    if (this.#delivering) {
      return;
    }
    this.#delivering = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        for (const listener of this.#listeners) {
          tell(listener, next);
        }
      }
    } finally {
      this.#delivering = false;
    }
  }

  /** Every change after `revision`, oldest first; `undefined` where the history does not reach back that far. */
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

function tell(listener: (change: StoreChange) => void, change: StoreChange): void {
  try {
    listener(change);
  } catch (error) {
    // The writer is not to blame for a listener's bug, and the bug must not stay hidden.
    queueMicrotask(() => {
      throw error;
    });
  }
}
