import type { Batch } from "@kinsync/core/contract";

/** A file that is replaced soon after it was placed gets a modification time at most this much later. */
const GROWTH_MS = 2_000;
/** After this time, a file's modification time is older than that of a file staged now, with any resolution of clocks. */
const QUIET_MS = 2_500;
/** Paths whose times are stored at most. */
const MAX_PATHS = 4_096;

/** Times at which a session placed files. A file that was not placed recently can be replaced without reading its modification time. */
export class PlacedTimes {
  /** By root and path. All other files were placed no later than `#others`. */
  readonly #at = new Map<string, number>();
  #others = performance.now();

  /** After a claim: another session may have placed any file just now. */
  forget(): void {
    this.#others = performance.now();
  }

  /** True if none of the files that the batch replaces was placed within the last `QUIET_MS`. */
  areQuiet({ root, entries }: Batch): boolean {
    const now = performance.now();
    return entries.every((entry) => {
      if (entry.op !== "file" || entry.replaces !== "file") return true;
      return now - Math.max(this.#others, this.#at.get(`${root.key}/${entry.path}`) ?? 0) > QUIET_MS;
    });
  }

  /** Stores the time of a committed batch. */
  note({ root, entries }: Batch): void {
    const now = performance.now();
    if (this.#at.size + entries.length > MAX_PATHS) {
      this.#at.clear();
      this.#others = now + GROWTH_MS;
      return;
    }
    for (const entry of entries) {
      if (entry.op !== "file") continue;
      const key = `${root.key}/${entry.path}`;
      const before = this.#at.get(key) ?? 0;
      this.#at.set(key, before + QUIET_MS < now ? now : Math.max(now, before + GROWTH_MS));
    }
  }
}
