import type { BatchEntry } from "../../contract/transport.ts";

/** Deletes in one batch: a plan that removes more goes in several. */
const DELETES = 2_000;

/** One batch where the deletes are few, else the deletes in several after it. */
export function partsOf(entries: readonly BatchEntry[]): readonly (readonly BatchEntry[])[] {
  const lastBuild = entries.findLastIndex((entry) => entry.op !== "delete");
  const head = Math.min(entries.length, lastBuild + 1 + DELETES);
  const parts = [entries.slice(0, head)];
  for (let from = head; from < entries.length; from += DELETES) parts.push(entries.slice(from, from + DELETES));
  return parts;
}
