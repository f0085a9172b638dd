import type { Tree } from "../../mapping/tree.ts";
import type { SourceState } from "../source.ts";

/**
 * The time that a mapped single file may be missing before it counts as deleted. Many editors save by deleting the file and
 * creating it again; without the grace, each save would delete the file in the containers. A folder gets no grace: a folder
 * that is missing halts its mapping and deletes nothing.
 */
export class MissingFileGrace {
  readonly #graceMs: number;
  #missingSince: number | undefined;

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /**
   * @param before the last settled state
   * @param state the state that was just found
   * @returns milliseconds for which `before` stays valid; 0 if `state` is valid now
   */
  remainingMs(shape: Tree["shape"] | undefined, before: SourceState | undefined, state: SourceState): number {
    if (state.state !== "missing") {
      this.#missingSince = undefined;
      return 0;
    }
    if (shape !== "file" || before === undefined || before.state === "missing") return 0;
    const now = performance.now();
    this.#missingSince ??= now;
    return Math.max(0, this.#missingSince + this.#graceMs - now);
  }
}
