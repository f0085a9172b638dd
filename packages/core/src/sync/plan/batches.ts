import type { BatchEntry } from "../../contract/transport.ts";

/** Limit of deletes in one batch: a plan with more deletes becomes several batches. */
const MAX_DELETES = 2_000;

/** Parts of plans, so that targets that share a plan share its batches too, and what is compiled from them. */
const known = new WeakMap<readonly BatchEntry[], readonly (readonly BatchEntry[])[]>();

/** One batch where the deletes are few, else the deletes in several after it. The same parts for the same list. */
export function partsOf(entries: readonly BatchEntry[]): readonly (readonly BatchEntry[])[] {
  let parts = known.get(entries);
  if (parts === undefined) known.set(entries, (parts = split(entries)));
  return parts;
}

function split(entries: readonly BatchEntry[]): readonly (readonly BatchEntry[])[] {
  const lastBuild = entries.findLastIndex((entry) => entry.op !== "delete");
  const head = Math.min(entries.length, lastBuild + 1 + MAX_DELETES);
  const parts = [entries.slice(0, head)];
  for (let from = head; from < entries.length; from += MAX_DELETES) parts.push(entries.slice(from, from + MAX_DELETES));
  return parts;
}
