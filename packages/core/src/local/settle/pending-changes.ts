/** Changed paths at once above which the events count as incomplete. */
export const BURST_PATHS = 5_000;
/** Length of inotify's queue (`fs.inotify.max_queued_events`). Events beyond it are lost without an error. */
const EVENT_QUEUE_LENGTH = 16_384;

/** What a pass has to scan. */
export interface Changes {
  /** Paths as in the tree; the empty path is the root's own list of names. */
  readonly paths: ReadonlySet<string>;
  readonly isEverything: boolean;
  /** So many changes came at once that some events may be lost. */
  readonly isBurst: boolean;
}

/** The changes since the last pass. At first that is everything. */
export class PendingChanges {
  #paths = new Set<string>();
  #isEverything = true;
  #events = 0;

  get isEmpty(): boolean {
    return !this.#isEverything && this.#paths.size === 0;
  }

  /** Counts an event of the operating system, whether its path matters or not. */
  countEvent(): void {
    this.#events += 1;
  }

  add(path: string): void {
    this.#paths.add(path);
  }

  addEverything(): void {
    this.#isEverything = true;
  }

  /** Returns the changes and starts again with none. */
  take(): Changes {
    const changes: Changes = {
      paths: this.#paths,
      isEverything: this.#isEverything,
      isBurst: this.#paths.size > BURST_PATHS || this.#events > EVENT_QUEUE_LENGTH,
    };
    this.#paths = new Set();
    this.#isEverything = false;
    this.#events = 0;
    return changes;
  }
}
