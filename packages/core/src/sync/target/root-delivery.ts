import { basename } from "node:path";
import type { BatchEntry } from "../../contract/batch.ts";
import type { Ledger } from "../plan/ledger.ts";
import type { Channel } from "./channels.ts";
import type { Delivered, PreparedDelivery } from "./deliver.ts";
import type { DesiredRoot } from "./desired-state.ts";
import type { TargetNotes } from "./notes.ts";
import { prepareRoot } from "./prepare-root.ts";
import type { WorkerOptions } from "./worker-options.ts";

const NONE: readonly never[] = Object.freeze([]);

/** What the target provides for the delivery of one of its roots. */
export interface DeliveryContext {
  readonly options: WorkerOptions;
  readonly notes: TargetNotes;
  /** The root is taken from another run, which may still be there. */
  onTakeOver(mapping: string): void;
  /** The marker owes commands for these paths. Returns false where newer ones are known. */
  noteOwed(mapping: string, paths: readonly string[]): boolean;
  /** These paths change: commands may be due. */
  noteChanged(mapping: string, paths: readonly string[]): void;
}

export interface RootDeliveryOptions {
  readonly channel: Channel;
  readonly root: DesiredRoot;
  readonly snapshot: number;
  /** It waits for other targets between `prepare` and `commit`, and may be dropped: nothing counts as changed before `commit`. */
  readonly isAhead: boolean;
  /** Bytes from which a file is left for a delivery of its own. Default: nothing is left. */
  readonly largeFileBytes?: number | undefined;
  /** What an earlier delivery left: only this is delivered, in the background. */
  readonly large?: readonly BatchEntry[];
  readonly signal: AbortSignal;
}

/** The delivery of one mapped root of a target, from its plan to the acknowledgement. Disposing it before `commit` drops what is staged. */
export class RootDelivery implements AsyncDisposable {
  readonly root: DesiredRoot;
  readonly snapshot: number;
  readonly channel: Channel;
  /** The root was not known to this session before. */
  readonly isFirst: boolean;
  /** The root held the tree before: only its marker may differ. */
  readonly wasHeld: boolean;
  readonly #context: DeliveryContext;
  readonly #isAhead: boolean;
  /** It may be given up after it was staged. */
  readonly #mayBeDropped: boolean;
  readonly #prepared: PreparedDelivery;
  readonly #ledger: Ledger | undefined;
  readonly #changed: readonly string[];
  readonly #inherited: readonly string[];
  #committed: Promise<Delivered> | undefined;

  private constructor(
    context: DeliveryContext,
    { root, snapshot, channel, isAhead, large }: RootDeliveryOptions,
    parts: {
      readonly known: Ledger | undefined;
      readonly prepared: PreparedDelivery;
      readonly changed: readonly string[];
      readonly inherited: readonly string[];
    },
  ) {
    const { known } = parts;
    this.root = root;
    this.snapshot = snapshot;
    this.channel = channel;
    this.isFirst = known === undefined;
    this.wasHeld = known?.tree?.digest === root.tree.digest;
    this.#context = context;
    this.#isAhead = isAhead;
    this.#mayBeDropped = isAhead || large !== undefined;
    this.#prepared = parts.prepared;
    this.#ledger = channel.ledgers.get(root.mapping.id);
    this.#changed = parts.changed;
    this.#inherited = parts.inherited;
  }

  /** Plans and begins to stage. @throws as `prepareRoot` */
  static async prepare(context: DeliveryContext, options: RootDeliveryOptions): Promise<RootDelivery> {
    const { channel, root, snapshot, isAhead, largeFileBytes, large, signal } = options;
    const { options: worker, notes } = context;
    const { id, from } = root.mapping;
    const known = channel.ledgers.get(id);
    let inherited: readonly string[] = NONE;
    let changed: readonly string[] = NONE;
    const changedBy = (entries: readonly BatchEntry[]): readonly string[] =>
      entries.map(({ path }) => (root.spec.shape === "file" ? basename(from) : path));
    const owedAfter = (paths: readonly string[]): readonly string[] => [
      ...new Set([...worker.owed(root), ...worker.actionsDue(paths).values()]),
    ];
    const prepared = await prepareRoot({
      channel,
      root,
      snapshot,
      worker,
      notes,
      capabilities: worker.capabilities(root.mapping),
      largeFileBytes,
      large,
      onTakeOver: () => context.onTakeOver(id),
      onOwed: (found) => {
        if (found.length > 0 && context.noteOwed(id, found)) inherited = found;
        return worker.owed(root);
      },
      owedAfter: (entries) => owedAfter(changedBy(entries)),
      onPlanned: (entries) => {
        changed = changedBy(entries);
        if (changed.length === 0) return worker.owed(root);
        if (isAhead) return owedAfter(changed);
        // Noted before the commit: its acknowledgement may be lost, and the files are equal then.
        context.noteChanged(id, changed);
        return worker.owed(root);
      },
      onProgress: (sent, total) => worker.listener.onProgress(root, sent, total),
      signal,
    });
    return new RootDelivery(context, options, { known, prepared, changed, inherited });
  }

  get entries(): PreparedDelivery["entries"] {
    return this.#prepared.entries;
  }

  /** What is left for a delivery of its own. */
  get later(): PreparedDelivery["later"] {
    return this.#prepared.later;
  }

  /** Paths that differ, also those that an earlier run left undone. Relative to the mapping's `from`. */
  get changed(): readonly string[] {
    return [...this.#inherited, ...this.#changed];
  }

  /** Its commit would still be what it was prepared as: the same bytes, over the same content, in the same session. */
  isFor(root: DesiredRoot | undefined, snapshot: number, channel: Channel | undefined): boolean {
    if (root === undefined || root.follows !== undefined || root.refused !== undefined) return false;
    const { id } = root.mapping;
    return (
      snapshot === this.snapshot &&
      root.tree.digest === this.root.tree.digest &&
      root.spec.key === this.root.spec.key &&
      channel === this.channel &&
      channel.ledgers.get(id) === this.#ledger
    );
  }

  /** Settles when the target has staged and verified all of it; then no answer is due until `commit`. */
  async staged(): Promise<void> {
    await this.#prepared.staged;
    if (this.#committed === undefined) this.#prepared.pause();
  }

  /** Ends the transfer, which then fails with this reason. */
  stop(reason: Error): void {
    this.#prepared.stop(reason);
  }

  /** Commits, once. */
  commit(): Promise<Delivered> {
    if (this.#committed === undefined) {
      const { id } = this.root.mapping;
      if (this.#isAhead && this.#changed.length > 0) this.#context.noteChanged(id, this.#changed);
      if (this.entries.length > 0) this.#context.options.listener.onDelivering(this.root);
      this.#committed = this.#prepared.apply();
      // The caller that awaits it handles the rejection.
      this.#committed.catch(() => undefined);
    }
    return this.#committed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#committed === undefined) {
      if (this.#mayBeDropped) await this.#prepared.discard().catch(() => undefined);
    } else await this.#committed.catch(() => undefined);
    await this.#prepared[Symbol.asyncDispose]();
  }
}
