import type { Inventory } from "@kinsync/core/contract";
import { isAtOrBelow } from "../protocol/inventory-reader.ts";

/** A list leaves out what is mounted below the root. Requested and placed paths there are read by their names. */
export async function withMounted(
  inventory: Inventory & { readonly mounts?: readonly string[] },
  paths: readonly string[],
  read: (paths: readonly string[]) => Promise<Inventory>,
): Promise<Inventory> {
  const { mounts = [] } = inventory;
  if (mounts.length === 0) return inventory;
  const known = [...new Set([...paths, ...inventory.placed])];
  const mounted = known.filter((path) => isAtOrBelow(path, new Set(mounts)));
  if (mounted.length === 0) return inventory;
  const rest = await read(mounted);
  return { ...inventory, entries: [...inventory.entries, ...rest.entries] };
}
