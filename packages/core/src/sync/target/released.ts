import type { Marker } from "../../contract/inventory.ts";

const RELEASED = "released";
const PREFIX = `${RELEASED}:`;

/** `Marker.tree` of a root that its run leaves to others. The digest of what is in place stays readable, for `status` and `verify`. */
export function releasedTree(digest: string): string {
  return digest === "" ? RELEASED : `${PREFIX}${digest}`;
}

/** The run that owns the root has ended and left it. */
export function isReleased({ tree }: Marker): boolean {
  return tree === RELEASED || tree.startsWith(PREFIX);
}

/** The marker with the digest of what is in place as its `tree`, also where its run has left the root. */
export function withTreeInPlace(marker: Marker): Marker {
  const { tree } = marker;
  if (!isReleased(marker)) return marker;
  return { ...marker, tree: tree.startsWith(PREFIX) ? tree.slice(PREFIX.length) : "" };
}
