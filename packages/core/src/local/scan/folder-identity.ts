import type { BigIntStats } from "node:fs";

/** Facts of `stat` that differ between a folder and a later one with the same name. */
export type FolderIdentity = Pick<BigIntStats, "dev" | "ino" | "birthtimeNs" | "ctimeNs">;

/** Time in which a folder may be created, removed and created again with the same time of birth: the kernel's tick is 1 to 10 ms. */
const TICK_NS = 20_000_000n;

export function identityOf(stats: BigIntStats): FolderIdentity {
  const { dev, ino, birthtimeNs, ctimeNs } = stats;
  return { dev, ino, birthtimeNs, ctimeNs };
}

/**
 * ext4 reuses inode numbers at once, so the time of birth counts too. If the system does not store it, it is 0 or the time of
 * the last change; in the second case a folder that changed counts as a new one.
 */
export function isSameFolder(a: FolderIdentity, b: FolderIdentity): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.birthtimeNs === b.birthtimeNs;
}

/** The same if the time of birth is not reliable: in doubt it is the same folder. */
export function mayBeSameFolder(a: FolderIdentity, b: FolderIdentity): boolean {
  if (isSameFolder(a, b)) return true;
  return a.dev === b.dev && a.ino === b.ino && a.birthtimeNs === a.ctimeNs && b.birthtimeNs === b.ctimeNs;
}

/** So young that a later folder may get the same identity. */
export function isNewborn(identity: FolderIdentity): boolean {
  return identity.birthtimeNs >= BigInt(Date.now()) * 1_000_000n - TICK_NS;
}
