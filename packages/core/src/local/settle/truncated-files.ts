import type { SourceState } from "../source.ts";

/**
 * Files that lost all their bytes a moment ago. Many programs save by truncating a file and writing it then. kinsync should
 * send the old bytes or the new ones, so the state in between is held back for a short time.
 */
export class TruncatedFiles {
  readonly #holdMs: number;
  /** Path to the time when the file was first found truncated. */
  readonly #since = new Map<string, number>();

  constructor(holdMs: number) {
    this.#holdMs = holdMs;
  }

  /** Files that are held back now. */
  get paths(): Iterable<string> {
    return this.#since.keys();
  }

  /**
   * @param before the last settled state
   * @param state the state that was just found
   * @param changed paths that were scanned; `undefined` if all were
   * @returns milliseconds for which `before` stays valid; 0 if `state` is valid now
   */
  remainingMs(before: SourceState | undefined, state: SourceState, changed: ReadonlySet<string> | undefined): number {
    if (before?.state !== "present" || state.state !== "present") return 0;
    const now = performance.now();
    let first = now;
    for (const path of new Set([...(changed ?? state.tree.entries.keys()), ...this.#since.keys()])) {
      const entry = state.tree.entries.get(path);
      const previous = before.tree.entries.get(path);
      if (entry?.type !== "file" || entry.size > 0 || previous?.type !== "file" || previous.size === 0) {
        this.#since.delete(path);
        continue;
      }
      // The first file limits the wait, so that truncating one file after the other does not hold the others back for ever.
      first = Math.min(first, this.#since.get(path) ?? now);
      if (!this.#since.has(path)) this.#since.set(path, now);
    }
    const remainingMs = first + this.#holdMs - now;
    if (this.#since.size > 0 && remainingMs > 0) return remainingMs;
    this.#since.clear();
    return 0;
  }
}
