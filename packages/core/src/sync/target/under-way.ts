import { sourceChanged } from "../../mapping/content-store.ts";
import type { RootDelivery } from "./root-delivery.ts";
import type { DesiredRoot, DesiredState } from "./desired-state.ts";

/** Smaller files have arrived before it is worth to stop their transfer. */
const STOPPABLE_BYTES = 4 * 1024 * 1024;

/** What can be stopped of a delivery. */
type Stoppable = Pick<RootDelivery, "entries" | "stop">;

interface Transfer {
  readonly root: DesiredRoot;
  readonly delivery: Stoppable;
  /** Paths of large files, and their bytes. */
  readonly large: ReadonlyMap<string, number>;
  /** Bytes of all files. */
  readonly bytes: number;
}

export function hasStoppable({ entries }: Pick<RootDelivery, "entries">): boolean {
  return entries.some((entry) => entry.op === "file" && entry.size >= STOPPABLE_BYTES);
}

/** The transfers of large files to one target. One that is no longer needed is stopped. */
export class UnderWay {
  readonly #transfers = new Set<Transfer>();

  /** A delivery has begun. Disposing forgets it. */
  begin(root: DesiredRoot, delivery: Stoppable): Disposable {
    const large = new Map<string, number>();
    let bytes = 0;
    for (const entry of delivery.entries) {
      if (entry.op !== "file") continue;
      bytes += entry.size;
      if (entry.size >= STOPPABLE_BYTES) large.set(entry.path, entry.size);
    }
    const transfer = { root, delivery, large, bytes };
    this.#transfers.add(transfer);
    return { [Symbol.dispose]: () => void this.#transfers.delete(transfer) };
  }

  /**
   * Stops transfers of which at least half is large files whose paths the desired state no longer has. A file that has other bytes now
   * arrives all the same: one that changes more often than it can be sent would never do so otherwise.
   */
  stopOutdated(desired: DesiredState): void {
    for (const { root, delivery, large, bytes } of this.#transfers) {
      const now = desired.roots.find(({ mapping }) => mapping.id === root.mapping.id);
      let gone = 0;
      for (const [path, size] of large) if (now?.tree.entries.get(path)?.type !== "file") gone += size;
      if (gone * 2 < bytes) continue;
      delivery.stop(sourceChanged(root.mapping.from, "what is on its way is no longer needed"));
    }
  }
}
