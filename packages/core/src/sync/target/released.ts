import type { Marker } from "../../contract/inventory.ts";

/** `Marker.tree` of a root that its run has left to others. */
export const RELEASED = "released";

/** The run that owns the root has ended and left it. */
export function isReleased({ tree }: Marker): boolean {
  return tree === RELEASED;
}
