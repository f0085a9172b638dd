import type { Snapshot } from "./snapshot.ts";

/** Which snapshot the targets should hold now. With `update: independent` it is the newest one. */
export class Release {
  #current: Snapshot | undefined;

  /** `undefined` before the first snapshot. */
  get current(): Snapshot | undefined {
    return this.#current;
  }

  /** Makes this snapshot the one that every target should hold. */
  publish(snapshot: Snapshot): void {
    this.#current = snapshot;
  }
}
