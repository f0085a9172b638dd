import type {
  Archive,
  Batch,
  BatchEntry,
  HostedSession,
  Receipt,
  ReceiptNote,
  Stage,
} from "../../contract/transport.ts";
import { wrapArchive } from "../../contract/wrap-archive.ts";
import { KinsyncError } from "../../errors/error.ts";
import type { ArchiveLease, ArchivePool } from "../archive/archive-pool.ts";
import { partsOf } from "../plan/batches.ts";
import { divide } from "../plan/division.ts";
import type { Ledger } from "../plan/ledger.ts";
import type { PlanConflict } from "../plan/plan.ts";
import { deletesError, deletesOf, type MayDelete } from "./deletes.ts";
import { planScope, type DesiredRoot } from "./desired-state.ts";
import { StallWatch } from "./stall-watch.ts";

/** Bytes from which the progress of a transfer is reported, and milliseconds between two reports. */
const PROGRESS_FROM_BYTES = 1024 * 1024;
const PROGRESS_EVERY_MS = 500;

/** What a delivery changed in one mapped root. */
export interface DeliveryStats {
  /** Entries written. */
  readonly files: number;
  readonly deleted: number;
  /** Bytes of file content. */
  readonly bytes: number;
}

/** How a delivery ended. */
export interface Delivered {
  readonly stats: DeliveryStats;
  /** Settles when the files are visible in the container, where the transport only hands over and reports it. */
  readonly seen: Promise<void> | undefined;
}

export interface DeliveryOptions {
  readonly session: HostedSession;
  readonly root: DesiredRoot;
  readonly snapshot: number;
  readonly ledger: Ledger;
  readonly mayDelete: MayDelete;
  /** Bytes from which a file is left for a delivery of its own. `undefined`: nothing is left. */
  readonly largeFileBytes: number | undefined;
  readonly archives: ArchivePool;
  /** `pod/NAME, container NAME`, for messages. */
  readonly target: string;
  /** Receives what the delivery changes, before it is staged. Returns what the marker should owe after the commit: `Batch.owed`. */
  readonly onPlanned: (entries: readonly BatchEntry[]) => readonly string[];
  /** Receives what each receipt reports that could not be set of the files, although their content is right. */
  readonly onNotes: (notes: readonly ReceiptNote[]) => void;
  readonly onProgress: (sent: number, total: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Brings one mapped root from the ledger's state to the desired state, in two steps, so that a barrier fits between them:
 * `prepareDelivery` plans and begins to stage, `apply` commits. Disposing releases the archive.
 */
export interface PreparedDelivery extends AsyncDisposable {
  /** In the order of execution. */
  readonly entries: readonly BatchEntry[];
  /** What the plan has besides, for `prepareLarge`: large files. Empty where this delivery is all of it. */
  readonly later: readonly BatchEntry[];
  /** Settles when the target has staged and verified the bytes, or with the failure. */
  readonly staged: Promise<void>;
  /** Ends the transfer, which then fails with this reason: `apply` rejects. */
  stop(reason: Error): void;
  /** The batch is staged and waits for other targets before `apply`: no answer of this target is due. */
  pause(): void;
  /** Drops what is staged. `apply` is not called afterwards. */
  discard(): Promise<void>;
  /** Commits. May be called before `staged` settles: the target commits only what it verified. */
  apply(): Promise<Delivered>;
}

/**
 * Plans the difference and begins to stage it. Nothing below the mapped root changes before `apply`.
 * @throws `KINSYNC_TARGET_FOREIGN` where a file that kinsync did not create exists at a path, `KINSYNC_TARGET_DELETES` where the plan
 *   deletes such files and nobody consented, `KINSYNC_SOURCE_*` where local bytes cannot be read
 */
export async function prepareDelivery(options: DeliveryOptions): Promise<PreparedDelivery> {
  const { root, ledger, mayDelete, target } = options;
  const plan = ledger.plan(root.tree, planScope(root));
  if (plan.conflicts.length > 0) throw conflictError(options, plan.conflicts);
  const deletes = deletesOf(plan.foreign, undefined);
  if (deletes.paths.length > 0 && !mayDelete(root, deletes.paths)) throw deletesError(target, root, deletes);
  const { now, later } = divide(plan.entries, (path) => ledger.bytesOf(path), options.largeFileBytes);
  if (now.length === 0 && later.length > 0) return nothingBut(later);
  const owed = options.onPlanned(now);
  const [first = [], ...rest] = partsOf(now);
  const part = await stagePart(options, first, { isLast: rest.length === 0 && later.length === 0, owed });
  return new StagedDelivery(options, { entries: now, later, isWhole: later.length === 0 }, part, rest);
}

/**
 * Begins to stage what an earlier plan left for later, in the background: other deliveries to the root overtake it.
 * @throws `KINSYNC_SOURCE_*` where local bytes cannot be read
 */
export async function prepareLarge(
  options: DeliveryOptions,
  entries: readonly BatchEntry[],
): Promise<PreparedDelivery> {
  const owed = options.onPlanned(entries);
  const part = await stagePart(options, entries, { isLast: false, owed, isInBackground: true });
  return new StagedDelivery(options, { entries, later: [], isWhole: false }, part, []);
}

/** All of a plan is left for later. */
function nothingBut(later: readonly BatchEntry[]): PreparedDelivery {
  return {
    entries: [],
    later,
    staged: Promise.resolve(),
    stop: () => {},
    pause: () => {},
    discard: async () => {},
    apply: async () => ({ stats: statsOf([]), seen: undefined }),
    [Symbol.asyncDispose]: async () => {},
  };
}

class StagedDelivery implements PreparedDelivery {
  readonly entries: readonly BatchEntry[];
  readonly later: readonly BatchEntry[];
  readonly staged: Promise<void>;
  readonly #isWhole: boolean;
  readonly #options: DeliveryOptions;
  readonly #first: StagedPart;
  readonly #rest: readonly (readonly BatchEntry[])[];

  constructor(
    options: DeliveryOptions,
    { entries, later, isWhole }: Pick<PreparedDelivery, "entries" | "later"> & { readonly isWhole: boolean },
    first: StagedPart,
    rest: readonly (readonly BatchEntry[])[],
  ) {
    this.#options = options;
    this.entries = entries;
    this.later = later;
    this.#isWhole = isWhole;
    this.#first = first;
    this.#rest = rest;
    this.staged = first.stage.ready;
  }

  stop(reason: Error): void {
    this.#first.stall.stop(reason);
  }

  pause(): void {
    this.#first.stall.pause();
  }

  async discard(): Promise<void> {
    await this.#options.session.discard(this.#first.stage);
  }

  async apply(): Promise<Delivered> {
    const { ledger, root } = this.#options;
    this.#first.stall.resume();
    const receipts = [await commitPart(this.#options, this.#first)];
    let part = this.#first;
    // The other parts only delete: nothing to stage ahead.
    for (const [index, entries] of this.#rest.entries()) {
      ledger.partlyCommitted(root.tree, part.entries);
      const { owed } = this.#first;
      const isLast = this.#isWhole && index === this.#rest.length - 1;
      await using next = await stagePart(this.#options, entries, { isLast, owed });
      receipts.push(await commitPart(this.#options, next));
      part = next;
    }
    if (this.#isWhole) ledger.committed(root.tree, part.entries);
    else ledger.divided(root.tree, part.entries);
    ledger.owed = part.owed;
    const notes = receipts.flatMap((receipt) => receipt.notes ?? []);
    if (notes.some(({ code }) => code === "mode")) ledger.modesAreFixed();
    const waits = receipts.flatMap(({ seen }) => seen ?? []);
    const all = waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
    // The caller that awaits it handles the rejection.
    all?.catch(() => undefined);
    return { stats: statsOf(this.entries), seen: all };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#first[Symbol.asyncDispose]();
  }
}

/** One batch in transfer. */
interface StagedPart extends AsyncDisposable {
  readonly entries: readonly BatchEntry[];
  readonly owed: readonly string[];
  readonly stage: Stage;
  readonly stall: StallWatch;
}

async function stagePart(
  options: DeliveryOptions,
  entries: readonly BatchEntry[],
  {
    isLast,
    owed,
    isInBackground = false,
  }: { readonly isLast: boolean; readonly owed: readonly string[]; readonly isInBackground?: boolean },
): Promise<StagedPart> {
  const { session, root, snapshot, ledger, archives, target, signal } = options;
  const lease: ArchiveLease = await archives.lease(entries, root.content, signal);
  const stall = new StallWatch(signal, () => target);
  const release = async (): Promise<void> => {
    stall[Symbol.dispose]();
    lease[Symbol.dispose]();
  };
  try {
    const batch: Batch = {
      root: root.spec,
      snapshot,
      tree: isLast ? root.tree.digest : "",
      entries,
      ...ledger.manifestChange(entries),
      ...(owed.length === 0 ? {} : { owed }),
      ...(isInBackground ? { background: true } : {}),
      archive: reportingArchive(lease.archive, options, stall),
    };
    const stage = session.stage(batch, { signal: stall.signal });
    // `commit` rejects with the same failure.
    stage.ready.catch(() => {});
    return { entries, owed, stage, stall, [Symbol.asyncDispose]: release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function commitPart({ session, onNotes }: DeliveryOptions, { stage, stall }: StagedPart): Promise<Receipt> {
  const receipt = await session.commit(stage, { signal: stall.signal });
  if (receipt.notes !== undefined) onNotes(receipt.notes);
  return receipt;
}

/** The archive as this target reads it: reports progress, and resets the stall watch. */
function reportingArchive(archive: Archive, { onProgress }: DeliveryOptions, stall: StallWatch): Archive {
  const { size } = archive;
  return wrapArchive(archive, async function* reporting(parts, bytes) {
    let sent = 0;
    let reportedAt = performance.now();
    for await (const part of parts) {
      yield part;
      sent += bytes(part);
      stall.alive();
      if (size < PROGRESS_FROM_BYTES || performance.now() - reportedAt < PROGRESS_EVERY_MS) continue;
      reportedAt = performance.now();
      onProgress(sent, size);
    }
  });
}

function statsOf(entries: readonly BatchEntry[]): DeliveryStats {
  let files = 0;
  let deleted = 0;
  let bytes = 0;
  for (const entry of entries) {
    if (entry.op === "delete") deleted += 1;
    else files += 1;
    if (entry.op === "file") bytes += entry.size;
  }
  return { files, deleted, bytes };
}

export function conflictError(
  { root, target }: Pick<DeliveryOptions, "root" | "target">,
  conflicts: readonly PlanConflict[],
): KinsyncError {
  const [first] = conflicts;
  const more = conflicts.length > 1 ? ` (and ${conflicts.length - 1} more)` : "";
  const isFile = root.spec.shape === "file";
  const where = isFile
    ? `${root.spec.path === "/" ? "" : root.spec.path}/${first?.path}`
    : `${root.mapping.to}/${first?.path}`;
  const hint =
    isFile && first?.found === "directory"
      ? `You map a single file onto a folder. To put the file into the folder, write to: ${where}/`
      : undefined;
  return new KinsyncError(
    "KINSYNC_TARGET_FOREIGN",
    `${target}: ${where} is a ${first?.found} that kinsync did not create, and should become a ${first?.desired}${more}`,
    {
      ...(hint === undefined ? {} : { hint }),
      details: { paths: conflicts.slice(0, 20).map((conflict) => conflict.path) },
    },
  );
}
