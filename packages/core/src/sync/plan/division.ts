import { folded, isFoldedAtOrBelow } from "../../contract/folded.ts";
import type { BatchEntry } from "../../contract/transport.ts";

/** Smaller files have arrived before it is worth to let others overtake them. */
export const LARGE_FILE_BYTES = 4 * 1024 * 1024;

/** A plan in two parts. Each of them is a batch of its own. */
export interface Division {
  readonly now: readonly BatchEntry[];
  /** Large files, and deletes of large files. Empty where the plan has no large file, or has to be executed as one. */
  readonly later: readonly BatchEntry[];
}

/** Divisions of plans, so that targets that share a plan share its parts. */
const known = new WeakMap<readonly BatchEntry[], Division>();

/**
 * Divides a plan so that what is small does not wait for what is large. Large old files are deleted together with the new ones: where one
 * has another name now, the container always has one of the two.
 * @param bytesOf size of the file that exists at a path; 0 where none does
 * @param fromBytes what counts as large. `undefined`: nothing does
 */
export function divide(
  entries: readonly BatchEntry[],
  bytesOf: (path: string) => number,
  fromBytes: number | undefined,
): Division {
  if (fromBytes === undefined) return { now: entries, later: [] };
  let division = known.get(entries);
  if (division === undefined) known.set(entries, (division = split(entries, bytesOf, fromBytes)));
  return division;
}

function split(entries: readonly BatchEntry[], bytesOf: (path: string) => number, fromBytes: number): Division {
  const isLarge = (entry: BatchEntry): boolean => entry.op === "file" && entry.size >= fromBytes;
  const large = entries.filter(isLarge);
  const whole = { now: entries, later: [] };
  if (large.length === 0) return whole;
  // A delete that makes room for a large file belongs to the same commit.
  const places = new Set(large.map(({ path }) => folded(path)));
  const first = entries.findIndex(({ op }) => op !== "delete");
  if (entries.slice(0, first).some(({ path }) => isFoldedAtOrBelow(path, places))) return whole;
  const late = new Set(large);
  const old: string[] = [];
  for (const entry of entries.slice(first)) {
    if (entry.op !== "delete") continue;
    // Content comes before its folder.
    const isWaiting =
      entry.type === "file" ? bytesOf(entry.path) >= fromBytes : old.some((path) => path.startsWith(`${entry.path}/`));
    if (!isWaiting) continue;
    old.push(entry.path);
    late.add(entry);
  }
  return { now: entries.filter((entry) => !late.has(entry)), later: entries.filter((entry) => late.has(entry)) };
}

/** True if executing these entries changes what stands at one of the paths, or a folder above it. */
export function isInTheWay(entries: readonly BatchEntry[], paths: ReadonlySet<string>): boolean {
  return entries.some((entry) => {
    if (entry.op === "chmod" || (entry.op === "directory" && entry.replaces === undefined)) return false;
    if (paths.has(entry.path)) return true;
    return [...paths].some((path) => path.startsWith(`${entry.path}/`));
  });
}
