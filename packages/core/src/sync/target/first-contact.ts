import type { HostedSession, Inventory, Marker, Origin } from "../../contract/transport.ts";
import { isKinsyncError, KinsyncError } from "../../errors/error.ts";
import { Ledger } from "../plan/ledger.ts";
import type { ModePolicy } from "../plan/modes.ts";
import { deletesError, deletesOfPlan, type MayDelete } from "./deletes.ts";
import { planScope, type DesiredRoot } from "./desired-state.ts";
import type { PresumedDelivery } from "./presumed-delivery.ts";
import { isFromElsewhere, readRoot, withPlaced } from "./read-root.ts";
import { isReleased } from "./released.ts";

/** Milliseconds that a refused commit may take to find out who owns the mapped root now. */
const OWNER_LOOKUP_MS = 2_000;

/** The run that claims: decides between two runs that claim one mapped root. */
export interface Claimant {
  /** Id of this run of kinsync. */
  readonly runId: string;
  /** ISO 8601, when this run began. */
  readonly since: string;
  /** Claim mapped roots from any owner: the pod existed when this run began. Otherwise a later run keeps them. */
  readonly force: boolean;
  /** Name of this machine; `undefined`: unknown, and origins are not compared. */
  readonly host: string | undefined;
}

/** Mapped roots that this run has claimed in one container, by the id of their mapping. It outlives the target's workers. */
export interface ClaimedRoots {
  has(mappingId: string): boolean;
  add(mappingId: string): void;
  /** The root was taken from another run, which may still be there: it is given back at the end. */
  readonly borrowed: BorrowedRoots;
}

/** By the id of their mapping. */
export interface BorrowedRoots {
  has(mappingId: string): boolean;
  add(mappingId: string): unknown;
  delete(mappingId: string): unknown;
}

export interface FirstContact {
  readonly session: HostedSession;
  readonly root: DesiredRoot;
  /** Number of the snapshot that the claim names. */
  readonly snapshot: number;
  readonly claimant: Claimant;
  /** `pod/NAME, container NAME`, for messages. */
  readonly target: string;
  /** This run has not claimed this root before. */
  readonly isFirst: boolean;
  /** The root is taken from another run, which may still be there. */
  readonly onTakeOver: () => void;
  readonly modes: ModePolicy;
  readonly mayDelete: MayDelete;
  /** Begins while the root is claimed, where it holds nothing yet. */
  readonly presumed: PresumedDelivery;
  /** Receives what the marker owes. Returns what it should owe from now on. */
  readonly owed: (found: readonly string[]) => readonly string[];
  readonly signal: AbortSignal;
}

/**
 * First contact of a session with a mapped root: claims it and reads its content.
 * @throws `KINSYNC_TARGET_DELETES`, before the claim, where files would be deleted that a run from another folder placed
 */
export async function takeStock(contact: FirstContact): Promise<Ledger> {
  const { session, root, claimant, isFirst, modes, presumed, signal } = contact;
  const { tree, spec } = root;
  const { marker, isEmpty, placed, root: found } = await session.inventory(spec, { paths: [], signal });
  if (marker !== undefined && marker.runId !== claimant.runId) {
    // A later run of kinsync may have claimed the root while this one was away; it keeps it.
    if (!isReleased(marker)) {
      if (!(isFirst && claimant.force) && marker.since > claimant.since) throw takenBy(contact, marker);
      contact.onTakeOver();
    }
    if (isFromElsewhere(marker.origin, claimant.host, root)) await checkDeletes(contact, marker.origin);
  }
  const initial = initialOf(contact);
  const owed = contact.owed(marker?.owed ?? []);
  const wasEmpty = isEmpty === true || found === "missing";
  // Sent together: two answers in one round trip.
  const claim = session.claim(spec, {
    snapshot: contact.snapshot,
    tree: "",
    ...(owed.length === 0 ? {} : { owed }),
    signal,
  });
  if (wasEmpty && placed.length === 0 && initial !== "trust") presumed.begin(owed);
  const [, inventory] = await Promise.all([claim, initial === "trust" ? undefined : readNewRoot(contact, wasEmpty)]);
  const presumption = inventory !== undefined && holdsNothing(inventory) ? presumed.ledger : undefined;
  if (presumption !== undefined) return presumption;
  await presumed.drop();
  const ledger =
    inventory === undefined
      ? Ledger.trusting(tree, modes)
      : Ledger.fromInventory(await withPlaced(session, root, inventory, signal), tree, {
          distrust: initial === "full",
          modes,
        });
  ledger.owed = owed;
  return ledger;
}

/**
 * Thousands of paths are not requested of a folder that holds nothing, or that the claim has just made. It is asked again after the claim:
 * others may have written since.
 */
async function readNewRoot(contact: FirstContact, wasEmpty: boolean): Promise<Inventory> {
  const { session, root, presumed, signal } = contact;
  if (wasEmpty) {
    const inventory = await session.inventory(root.spec, { paths: [], signal });
    if (inventory.isEmpty === true) return inventory;
    // Its bytes would travel first.
    await presumed.drop();
  }
  return readRoot(session, root, signal);
}

/** Neither files nor a manifest of earlier ones. */
function holdsNothing({ isEmpty, entries, placed, mounts = [] }: Inventory): boolean {
  return isEmpty === true && entries.length === 0 && placed.length === 0 && mounts.length === 0;
}

function initialOf({ isFirst, root }: FirstContact) {
  return isFirst ? root.mapping.initial : "verify";
}

/** Refuses to delete what a run from another folder placed, without consent. Writes nothing. */
async function checkDeletes(contact: FirstContact, origin: Origin): Promise<void> {
  const { session, root, modes, mayDelete, target, signal } = contact;
  if (initialOf(contact) === "trust") return;
  const inventory = await withPlaced(session, root, await readRoot(session, root, signal), signal);
  const plan = Ledger.fromInventory(inventory, root.tree, { distrust: false, modes }).plan(root.tree, planScope(root));
  const deletes = deletesOfPlan(plan, inventory, origin);
  if (deletes.paths.length > 0 && !mayDelete(root, deletes.paths)) throw deletesError(target, root, deletes);
}

/**
 * Names the run that owns the mapped root after a commit was refused. It may be this run itself: a commit that an agent was executing when
 * its connection was lost can arrive late, and a new session corrects it.
 * @returns the error to report; `error` itself where the owner cannot be found out
 */
export async function withOwner(
  contact: Omit<FirstContact, "isFirst" | "modes" | "mayDelete" | "onTakeOver" | "presumed" | "owed">,
  error: unknown,
): Promise<unknown> {
  if (!isKinsyncError(error) || error.code !== "KINSYNC_TARGET_TAKEN") return error;
  const { session, root, claimant, target, signal } = contact;
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(OWNER_LOOKUP_MS)]);
    const { marker } = await session.inventory(root.spec, { paths: [], signal: limit });
    if (marker === undefined) return error;
    if (marker.runId !== claimant.runId && isReleased(marker)) {
      const message = `${target}: another kinsync (${marker.owner}) wrote ${root.mapping.to} meanwhile, and has ended`;
      return new KinsyncError("KINSYNC_TARGET_LOST", message, { cause: error });
    }
    if (marker.runId !== claimant.runId) return takenBy(contact, marker);
    return new KinsyncError(
      "KINSYNC_TARGET_LOST",
      `${target}: a commit of an earlier session of this run arrived late`,
      { cause: error },
    );
  } catch {
    return error;
  }
}

function takenBy({ target, root }: Pick<FirstContact, "target" | "root">, marker: Marker): KinsyncError {
  return new KinsyncError(
    "KINSYNC_TARGET_TAKEN",
    `${target}: another kinsync (${marker.owner}, since ${marker.since}) now writes ${root.mapping.to}`,
    { details: { runId: marker.runId, owner: marker.owner, since: marker.since } },
  );
}

/** Another kinsync ended the session; it is not known which one. */
export function takenOver(target: string, cause: Error | undefined): KinsyncError {
  const message = `${target}: another kinsync now writes this container`;
  return new KinsyncError("KINSYNC_TARGET_TAKEN", message, { cause });
}
