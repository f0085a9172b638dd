import type { KinsyncError } from "../../errors/error.ts";
import { Backoff } from "../../time/backoff.ts";
import type { Channels } from "./channels.ts";
import type { DesiredRoot } from "./desired-state.ts";
import type { BorrowedRoots } from "./first-contact.ts";
import { isReleased, releasedTree } from "./released.ts";

/** Between two checks whether the run that took the target has left it. */
const CHECK_MS = { min: 3_000, max: 30_000 };

export interface OwnershipOptions {
  readonly channels: Channels;
  readonly runId: string;
  readonly roots: () => readonly DesiredRoot[];
  readonly borrowed: BorrowedRoots;
  /** The run that took the target has left it. */
  readonly onReleased: () => void;
  /** Aborts when the target ends. */
  readonly signal: () => AbortSignal;
}

/** Which run owns one target: what this run took from another one, and what another one took from it. */
export class Ownership implements Disposable {
  readonly #options: OwnershipOptions;
  #isLost = false;
  #takenSince: string | undefined;
  #backoff: Backoff | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: OwnershipOptions) {
    this.#options = options;
  }

  /** ISO 8601: when the run began that owns the target, if another one does and it is known. */
  get takenSince(): string | undefined {
    return this.#takenSince;
  }

  /** This run took the root of a mapping from another one. */
  tookOver(mapping: string): void {
    this.#options.borrowed.add(mapping);
  }

  /** Another run took the target. From now on, checks at intervals whether it has left it. */
  lost(error: KinsyncError): void {
    this.#isLost = true;
    const { since } = error.details;
    if (typeof since === "string") this.#takenSince = since;
    const { borrowed, roots } = this.#options;
    for (const { mapping } of roots()) borrowed.delete(mapping.id);
    this.#backoff ??= new Backoff(CHECK_MS);
    this.#checkLater(this.#backoff);
  }

  /** The target is this run's again. */
  regained(): void {
    this.#isLost = false;
    this.#takenSince = undefined;
    this.#backoff = undefined;
    clearTimeout(this.#timer);
  }

  #checkLater(backoff: Backoff): void {
    clearTimeout(this.#timer);
    if (this.#options.signal().aborted) return;
    this.#timer = setTimeout(() => void this.#check(backoff), backoff.next());
  }

  async #check(backoff: Backoff): Promise<void> {
    const isFree = await this.#isFree().catch(() => false);
    if (!this.#isLost || this.#options.signal().aborted) return;
    if (isFree) this.#options.onReleased();
    else this.#checkLater(backoff);
  }

  /** No root belongs to another run that has not left it. Leaves no session open. */
  async #isFree(): Promise<boolean> {
    const { channels, runId, roots, signal } = this.#options;
    const present = roots();
    try {
      for (const { mapping, spec } of present) {
        const { session } = await channels.get(mapping);
        const { marker } = await session.inventory(spec, { paths: [], signal: signal() });
        if (marker === undefined || marker.runId === runId || isReleased(marker)) continue;
        this.#takenSince = marker.since;
        return false;
      }
      return present.length > 0;
    } finally {
      // Unless the user took the target back meanwhile.
      if (this.#isLost) await channels.close();
    }
  }

  /** Leaves the roots that this run took from another one, and still owns, to that one. */
  async giveBack(signal: AbortSignal): Promise<void> {
    const { channels, runId, roots, borrowed } = this.#options;
    for (const { mapping, spec } of roots().filter((root) => borrowed.has(root.mapping.id))) {
      borrowed.delete(mapping.id);
      const { session } = await channels.get(mapping);
      const { marker } = await session.inventory(spec, { paths: [], signal });
      if (marker?.runId !== runId || isReleased(marker)) continue;
      const { snapshot, tree, owed } = marker;
      await session.claim(spec, {
        snapshot,
        tree: releasedTree(tree),
        ...(owed === undefined ? {} : { owed }),
        signal,
      });
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
