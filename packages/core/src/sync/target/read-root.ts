import type { HostedSession, Inventory, Origin } from "../../contract/transport.ts";
import { planScope, type DesiredRoot } from "./desired-state.ts";

/** Reads what a mapped root holds of its desired tree; with `mirror` everything that it holds. Writes nothing. */
export function readRoot(session: HostedSession, root: DesiredRoot, signal: AbortSignal): Promise<Inventory> {
  const paths = [...root.tree.entries.keys()];
  return session.inventory(root.spec, { paths, list: planScope(root).mirror, signal });
}

/** Adds the files that an earlier run created and the tree no longer contains: the plan deletes them. */
export async function withPlaced(
  session: HostedSession,
  root: DesiredRoot,
  inventory: Inventory,
  signal: AbortSignal,
): Promise<Inventory> {
  const known = new Set(inventory.entries.map((entry) => entry.path));
  const paths = inventory.placed.filter((path) => !known.has(path) && !root.tree.entries.has(path));
  if (paths.length === 0) return inventory;
  const { entries } = await session.inventory(root.spec, { paths, signal });
  return { ...inventory, entries: [...inventory.entries, ...entries.filter((entry) => !known.has(entry.path))] };
}

/** Whether the files of a root came from another local folder. @param host name of this machine; `undefined`: not known */
export function isFromElsewhere(
  origin: Origin | undefined,
  host: string | undefined,
  { mapping }: DesiredRoot,
): origin is Origin {
  if (origin === undefined || host === undefined) return false;
  return origin.host !== host || origin.folder !== mapping.from;
}
