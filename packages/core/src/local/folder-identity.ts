import type { BigIntStats } from "node:fs";

/** What tells one folder from another that took its name. */
export type FolderIdentity = Pick<BigIntStats, "dev" | "ino" | "birthtimeNs" | "ctimeNs">;

/** Nanoseconds within which a folder may be made, removed and made again with one time of birth: the kernel's tick is 1 to 10 ms. */
const TICK = 20_000_000n;

export function identityOf(stats: BigIntStats): FolderIdentity {
  const { dev, ino, birthtimeNs, ctimeNs } = stats;
  return { dev, ino, birthtimeNs, ctimeNs };
}

/**
 * Inode numbers are used again at once on ext4, so the time of birth counts too. Where the system cannot tell it, it is 0, or
 * that of the last change: then a folder that changed counts as another.
 */
export function isSameFolder(a: FolderIdentity, b: FolderIdentity): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.birthtimeNs === b.birthtimeNs;
}

/** The same where the time of birth is not to be trusted: in doubt it is the same folder. */
export function mayBeSameFolder(a: FolderIdentity, b: FolderIdentity): boolean {
  if (isSameFolder(a, b)) return true;
  return a.dev === b.dev && a.ino === b.ino && a.birthtimeNs === a.ctimeNs && b.birthtimeNs === b.ctimeNs;
}

/** So young that another folder may yet come to have this identity. */
export function isNewborn(identity: FolderIdentity): boolean {
  return identity.birthtimeNs >= BigInt(Date.now()) * 1_000_000n - TICK;
}
