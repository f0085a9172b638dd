import type { Inventory, Marker, HostedSession } from "../../contract/transport.ts";
import { isKinsyncError, KinsyncError } from "../../errors/error.ts";
import { Ledger } from "../plan/ledger.ts";
import type { DesiredRoot } from "./desired-state.ts";

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
}

/** Mapped roots that this run has claimed in one container, by the id of their mapping. */
export interface ClaimedRoots {
  has(mappingId: string): boolean;
  add(mappingId: string): void;
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
  readonly signal: AbortSignal;
}

/** First contact of a session with a mapped root: claims it and reads its content. */
export async function takeStock(contact: FirstContact): Promise<Ledger> {
  const { session, root, claimant, isFirst, signal } = contact;
  const { tree, mapping, spec } = root;
  if (!(isFirst && claimant.force)) {
    // A later run of kinsync may have claimed the root while this one was away; it keeps it.
    const { marker } = await session.inventory(spec, { paths: [], signal });
    if (marker !== undefined && marker.runId !== claimant.runId && marker.since > claimant.since) {
      throw takenBy(contact, marker);
    }
  }
  const initial = isFirst ? mapping.initial : "verify";
  const paths = [...tree.entries.keys()];
  // Sent together: two answers in one round trip.
  const [, inventory] = await Promise.all([
    session.claim(spec, { snapshot: contact.snapshot, tree: "", signal }),
    initial === "trust" ? undefined : session.inventory(spec, { paths, list: mapping.mirror, signal }),
  ]);
  if (inventory === undefined) return Ledger.trusting(tree);
  const whole = await withPlaced(contact, inventory);
  return Ledger.fromInventory(whole, tree, { distrust: initial === "full" });
}

/** Adds the files that an earlier run created and the tree no longer contains: the plan deletes them. */
async function withPlaced({ session, root, signal }: FirstContact, inventory: Inventory): Promise<Inventory> {
  const known = new Set(inventory.entries.map((entry) => entry.path));
  const paths = inventory.placed.filter((path) => !known.has(path) && !root.tree.entries.has(path));
  if (paths.length === 0 || root.mapping.mirror) return inventory;
  const { entries } = await session.inventory(root.spec, { paths, signal });
  return { ...inventory, entries: [...inventory.entries, ...entries.filter((entry) => !known.has(entry.path))] };
}

/**
 * Names the run that owns the mapped root after a commit was refused. It may be this run itself: a commit that an agent was executing when
 * its connection was lost can arrive late, and a new session corrects it.
 * @returns the error to report; `error` itself where the owner cannot be found out
 */
export async function withOwner(contact: Omit<FirstContact, "isFirst">, error: unknown): Promise<unknown> {
  if (!isKinsyncError(error) || error.code !== "KINSYNC_TARGET_TAKEN") return error;
  const { session, root, claimant, target, signal } = contact;
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(OWNER_LOOKUP_MS)]);
    const { marker } = await session.inventory(root.spec, { paths: [], signal: limit });
    if (marker === undefined) return error;
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
