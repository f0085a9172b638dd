import type { BatchEntry } from "../../contract/batch.ts";
import type { TransportCapabilities } from "../../contract/capabilities.ts";
import type { Ledger } from "../plan/ledger.ts";
import { unsupportedError, unsupportedInTree } from "../../mapping/unsupported.ts";
import type { Channel } from "./channels.ts";
import type { MayDelete } from "./deletes.ts";
import { prepareDelivery, prepareLarge, type DeliveryOptions, type PreparedDelivery } from "./deliver.ts";
import type { DesiredRoot } from "./desired-state.ts";
import { takeStock, withOwner, type FirstContact } from "./first-contact.ts";
import type { TargetNotes } from "./notes.ts";
import { PresumedDelivery } from "./presumed-delivery.ts";
import { refuseSystemFolder } from "./refused-root.ts";
import type { WorkerOptions } from "./worker-options.ts";

export interface RootOptions {
  readonly channel: Channel;
  readonly root: DesiredRoot;
  readonly snapshot: number;
  /** Options of the target's worker. The delivery adds to its claims. */
  readonly worker: Pick<WorkerOptions, "name" | "claimant" | "claimed" | "archives" | "mayDelete" | "presumedBytes">;
  readonly capabilities: TransportCapabilities;
  readonly notes: TargetNotes;
  /** Bytes from which a file is left for a delivery of its own. Default: nothing is left. */
  readonly largeFileBytes?: number | undefined;
  /** What an earlier plan left: only this is delivered, in the background. */
  readonly large?: readonly BatchEntry[] | undefined;
  /** The root is taken from another run, which may still be there. */
  readonly onTakeOver: () => void;
  /** Receives what the marker owes at first contact. Returns what it should owe from now on. */
  readonly onOwed: (found: readonly string[]) => readonly string[];
  /** Receives what the delivery changes, before it is staged. Returns what the marker should owe after the commit. */
  readonly onPlanned: (entries: readonly BatchEntry[]) => readonly string[];
  /** What `onPlanned` would return for these changes. */
  readonly owedAfter: (entries: readonly BatchEntry[]) => readonly string[];
  readonly onProgress: (sent: number, total: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Prepares a mapped root to hold its desired tree: claims it and takes an inventory if its ledger is not known, and stages the
 * difference. After a failed `apply` the channel has no ledger of this root.
 */
export async function prepareRoot({
  channel,
  root,
  snapshot,
  worker,
  capabilities,
  notes,
  largeFileBytes,
  large,
  onTakeOver,
  onOwed,
  onPlanned,
  owedAfter,
  onProgress,
  signal,
}: RootOptions): Promise<PreparedDelivery> {
  const { id, transport } = root.mapping;
  const { session, ledgers } = channel;
  const { name: target, claimant, claimed, archives } = worker;
  const mayDelete: MayDelete = (each, paths) => worker.mayDelete(each, paths);
  const missing = unsupportedInTree(root.tree, capabilities);
  if (missing.length > 0) throw unsupportedError(transport, id, missing);
  refuseSystemFolder(root, session.facts, target);
  const modes = notes.modePolicy(root.mapping, capabilities);
  const optionsFor = (ledger: Ledger): Omit<DeliveryOptions, "onPlanned"> => ({
    session,
    root,
    snapshot,
    ledger,
    mayDelete,
    largeFileBytes,
    archives,
    target,
    onNotes: (received) => notes.received(id, received),
    onProgress,
    signal,
  });
  await using presumed = new PresumedDelivery({
    root,
    modes,
    fromBytes: worker.presumedBytes,
    prepare: (ledger) => prepareDelivery({ ...optionsFor(ledger), onPlanned: owedAfter }),
  });
  const contact: FirstContact = {
    session,
    root,
    snapshot,
    claimant,
    target,
    isFirst: !claimed.has(id),
    onTakeOver,
    presumed,
    modes,
    mayDelete,
    owed: onOwed,
    signal,
  };
  const known = ledgers.get(id);
  const ledger = known ?? (await takeStock(contact));
  claimed.add(id);
  ledgers.set(id, ledger);
  if (known === undefined) notes.mounts(root, ledger);
  const options: DeliveryOptions = { ...optionsFor(ledger), onPlanned };
  const begun = await presumed.take(ledger);
  // Now it is certain that this is what changes.
  if (begun !== undefined) onPlanned(begun.entries);
  const delivery = begun ?? (await (large === undefined ? prepareDelivery(options) : prepareLarge(options, large)));
  return {
    entries: delivery.entries,
    later: delivery.later,
    staged: delivery.staged,
    stop: (reason) => delivery.stop(reason),
    pause: () => delivery.pause(),
    discard: () => delivery.discard(),
    async apply() {
      try {
        return await delivery.apply();
      } catch (error) {
        // The root's content is unknown now: the next pass requests an inventory again.
        ledgers.delete(id);
        throw await withOwner(contact, error);
      }
    },
    [Symbol.asyncDispose]: () => delivery[Symbol.asyncDispose](),
  };
}
