import { setImmediate as nextTurn } from "node:timers/promises";
import type { BatchEntry } from "../../contract/transport.ts";
import { Ledger } from "../plan/ledger.ts";
import type { ModePolicy } from "../plan/modes.ts";
import type { PreparedDelivery } from "./deliver.ts";
import { planScope, type DesiredRoot } from "./desired-state.ts";

/** Default of `PresumedDeliveryOptions.fromBytes`. What is smaller is staged together with its commit, which costs the container less. */
const FROM_BYTES = 256 * 1024;

/** Of a delivery whose root turned out to hold something, or could not be claimed. */
const DROPPED = new DOMException("the mapped root is not what it was presumed to be", "AbortError");

export interface PresumedDeliveryOptions {
  readonly root: DesiredRoot;
  readonly modes: ModePolicy;
  /** Bytes of files from which a delivery is begun. */
  readonly fromBytes: number | undefined;
  /** Begins to stage what a root needs that is as the ledger says. */
  readonly prepare: (ledger: Ledger) => Promise<PreparedDelivery>;
}

/**
 * What a root needs that holds nothing. It is planned, packed and staged while the root is claimed: a session executes its calls in order, so
 * nothing is staged before the claim. Disposing drops it, unless it was taken.
 */
export class PresumedDelivery implements AsyncDisposable {
  readonly #options: PresumedDeliveryOptions;
  #ledger: Ledger | undefined;
  #prepared: Promise<PreparedDelivery | undefined> | undefined;

  constructor(options: PresumedDeliveryOptions) {
    this.#options = options;
  }

  /**
   * The root probably holds nothing. Begins after what was requested before has left. A failure is left to the delivery that takes its
   * place.
   */
  begin(owed: readonly string[]): void {
    const { root, modes, fromBytes = FROM_BYTES } = this.#options;
    const ledger = Ledger.empty(modes);
    ledger.owed = owed;
    this.#ledger = ledger;
    this.#prepared = (async () => {
      // Transports send at the end of the first turn.
      await nextTurn();
      await nextTurn();
      const { entries } = ledger.plan(root.tree, planScope(root));
      if (this.#ledger !== ledger || bytesOf(entries) < fromBytes) return undefined;
      return await this.#options.prepare(ledger);
    })().catch(() => undefined);
  }

  /** What is true of a root that holds nothing; `undefined` where this is not presumed. */
  get ledger(): Ledger | undefined {
    return this.#ledger;
  }

  /** The delivery to the root, if this ledger turned out to be true. The caller disposes of it. */
  async take(ledger: Ledger): Promise<PreparedDelivery | undefined> {
    if (ledger !== this.#ledger) return undefined;
    const prepared = await this.#prepared;
    this.#ledger = undefined;
    return prepared;
  }

  /** The root holds something, or is not claimed. */
  async drop(): Promise<void> {
    if (this.#ledger === undefined) return;
    this.#ledger = undefined;
    const delivery = await this.#prepared;
    if (delivery === undefined) return;
    delivery.stop(DROPPED);
    await delivery.discard().catch(() => undefined);
    await delivery[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drop();
  }
}

function bytesOf(entries: readonly BatchEntry[]): number {
  let bytes = 0;
  for (const entry of entries) if (entry.op === "file") bytes += entry.size;
  return bytes;
}
