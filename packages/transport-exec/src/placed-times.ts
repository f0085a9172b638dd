import type { Batch } from "@kinsync/core/contract";

/** Milliseconds by which the modification time of a file grows at most when it is replaced soon after it was placed. */
const GROWTH = 2_000;
/** Milliseconds after which a file's modification time counts as older than what is staged now, whatever the clocks' resolution. */
const QUIET = 2_500;
/** Paths of which it is known when they were placed. */
const MOST_PLACED = 4_096;

/** When a session placed which files: what was not placed for a while can be replaced without a look at its times. */
export class PlacedTimes {
  /** By root and path; for all others no later than `#others`. */
  readonly #at = new Map<string, number>();
  #others = performance.now();

  /** What is there may have been placed right now, by whomever: a root was claimed. */
  forget(): void {
    this.#others = performance.now();
  }

  /** Whether none of the files that a batch replaces was placed within the last seconds. */
  areQuiet({ root, entries }: Batch): boolean {
    const now = performance.now();
    return entries.every((entry) => {
      if (entry.op !== "file" || entry.replaces !== "file") return true;
      return now - Math.max(this.#others, this.#at.get(`${root.key}/${entry.path}`) ?? 0) > QUIET;
    });
  }

  /** A batch was committed. */
  note({ root, entries }: Batch): void {
    const now = performance.now();
    if (this.#at.size + entries.length > MOST_PLACED) {
      this.#at.clear();
      this.#others = now + GROWTH;
      return;
    }
    for (const entry of entries) {
      if (entry.op !== "file") continue;
      const key = `${root.key}/${entry.path}`;
      const before = this.#at.get(key) ?? 0;
      this.#at.set(key, before + QUIET < now ? now : Math.max(now, before + GROWTH));
    }
  }
}
