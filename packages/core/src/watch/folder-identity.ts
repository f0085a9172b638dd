import type { BigIntStats } from "node:fs";

/** What tells one folder from another that took its name. */
export type FolderIdentity = Pick<BigIntStats, "dev" | "ino" | "birthtimeNs" | "ctimeNs">;

export function identityOf(stats: BigIntStats): FolderIdentity {
  const { dev, ino, birthtimeNs, ctimeNs } = stats;
  return { dev, ino, birthtimeNs, ctimeNs };
}

/** Inode numbers are used again at once on ext4, so the time of birth counts too, where the file system knows it. */
export function isSameFolder(a: FolderIdentity, b: FolderIdentity): boolean {
  if (a.dev !== b.dev || a.ino !== b.ino) return false;
  // Where the time of birth is not known, that of the last change stands in for it.
  return a.birthtimeNs === b.birthtimeNs || a.birthtimeNs === a.ctimeNs || b.birthtimeNs === b.ctimeNs;
}
