import { setImmediate as nextTurn } from "node:timers/promises";
import type { ArchiveLease, ArchivePool } from "../archive/archive-pool.ts";
import { partsOf } from "../plan/batches.ts";
import { divide } from "../plan/division.ts";
import { Ledger } from "../plan/ledger.ts";
import type { ModePolicy } from "../plan/modes.ts";
import { planScope, type DesiredRoot } from "./desired-state.ts";

export interface PackAheadOptions {
  readonly root: DesiredRoot;
  readonly modes: ModePolicy;
  /** As in `DeliveryOptions`. */
  readonly largeFileBytes: number | undefined;
  readonly archives: ArchivePool;
  readonly signal: AbortSignal;
}

/**
 * Packs what a root that holds nothing will need. Disposing returns the archive, which lasts for a moment longer. A failure is left to the
 * delivery that needs the archive.
 */
export class PackAhead implements Disposable {
  readonly #options: PackAheadOptions;
  #packing: Promise<ArchiveLease | undefined> | undefined;

  constructor(options: PackAheadOptions) {
    this.#options = options;
  }

  /** Begins, after what was requested before has left. */
  begin(): void {
    this.#packing ??= this.#pack().catch(() => undefined);
  }

  async #pack(): Promise<ArchiveLease | undefined> {
    // Transports send at the end of the first turn.
    await nextTurn();
    await nextTurn();
    const { root, modes, largeFileBytes, archives, signal } = this.#options;
    const ledger = Ledger.empty(modes);
    const { entries } = ledger.plan(root.tree, planScope(root));
    const { now } = divide(entries, (path) => ledger.bytesOf(path), largeFileBytes);
    const [first = []] = partsOf(now);
    return first.length === 0 || signal.aborted ? undefined : await archives.lease(first, root.content, signal);
  }

  [Symbol.dispose](): void {
    void this.#packing?.then((lease) => lease?.[Symbol.dispose]());
  }
}
