import type { ModeRule } from "../../contract/config.ts";
import type { DirectoryEntry, FileEntry } from "../../mapping/tree.ts";

/**
 * `ignored`: the transport supports no modes, so they are neither compared nor changed. `fixed`: the file system of the container does not
 * let them be set; what is created gets a mode as with `portable`, and none is compared.
 */
export type ModePolicy = ModeRule | "ignored" | "fixed";

/** The policy after the container reported that a mode cannot be set. */
export function withoutComparison(policy: ModePolicy): ModePolicy {
  return policy === "portable" || policy === "fixed" ? "fixed" : "ignored";
}

/** Whether a difference of modes is a difference at all. */
export function comparesModes(policy: ModePolicy): boolean {
  return policy === "portable" || policy === "exact";
}

const ANY_EXECUTE = 0o111;
const ANY_READ = 0o444;
const PERMISSIONS = 0o777;

/** Mode of a file or folder that is created. */
export function modeOfNew(entry: FileEntry | DirectoryEntry, policy: ModePolicy): number {
  if (policy === "exact" || policy === "ignored") return entry.mode;
  return entry.type === "directory" || isExecutable(entry.mode) ? 0o755 : 0o644;
}

/** Mode of an existing file that gets new content or that stays as it is. @param found its mode in the container */
export function modeOfExisting(entry: FileEntry, found: number, policy: ModePolicy): number {
  if (policy === "exact" || policy === "ignored") return entry.mode;
  if (isExecutable(found) === isExecutable(entry.mode)) return found & PERMISSIONS;
  if (!isExecutable(entry.mode)) return found & PERMISSIONS & ~ANY_EXECUTE;
  // Users who may read the file may execute it.
  return (found & PERMISSIONS) | ((found & ANY_READ) >> 2) | 0o100;
}

/** The mode that an existing file with the desired content needs; `undefined` where nothing that is compared differs. */
export function changeOfFileMode(entry: FileEntry, found: number, policy: ModePolicy): number | undefined {
  if (!comparesModes(policy)) return undefined;
  const isSame = policy === "exact" ? entry.mode === found : isExecutable(entry.mode) === isExecutable(found);
  return isSame ? undefined : modeOfExisting(entry, found, policy);
}

/** The same for a folder. @param ours kinsync created it, or found it equal to the tree */
export function changeOfFolderMode(
  entry: DirectoryEntry,
  found: number,
  { policy, ours }: { readonly policy: ModePolicy; readonly ours: boolean },
): number | undefined {
  return policy === "exact" && ours && entry.mode !== found ? entry.mode : undefined;
}

function isExecutable(mode: number): boolean {
  return (mode & ANY_EXECUTE) !== 0;
}
