import { distance } from "fastest-levenshtein";

/** Names in a hint at most. */
const SHOWN = 3;

/** A part of a name counts as near from this length on. */
const PART_LENGTH = 3;

/** Part of the longer word's length that may be mistyped. */
const TOLERANCE = 0.4;

/** The names that may have been meant, nearest first; at most three, none where nothing is near. Letter case is ignored. */
export function nearestNames(wanted: string, names: Iterable<string>): string[] {
  return byNearness(wanted, names)
    .filter((name) => isNear(wanted, name))
    .slice(0, SHOWN);
}

/** The name that was most likely meant; `undefined` where nothing is near. */
export function nearest(wanted: string, names: Iterable<string>): string | undefined {
  return nearestNames(wanted, names)[0];
}

/** All names, each once, nearest first; equally near ones by name. */
export function byNearness(wanted: string, names: Iterable<string>): string[] {
  return [...new Set(names)]
    .map((name) => ({ name, edits: edits(wanted, name) }))
    .sort((a, b) => a.edits - b.edits || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name);
}

/** `Did you mean a or b?`, or the other hint where there is no name. */
export function didYouMean(near: readonly string[], otherwise: string): string {
  if (near.length === 0) return otherwise;
  const last = near.at(-1) ?? "";
  const text = near.length === 1 ? last : `${near.slice(0, -1).join(", ")} or ${last}`;
  return `Did you mean ${text}?`;
}

function isNear(wanted: string, name: string): boolean {
  const [short, long] = [wanted.toLowerCase(), name.toLowerCase()].sort((a, b) => a.length - b.length) as [
    string,
    string,
  ];
  if (short.length >= PART_LENGTH && long.includes(short)) return true;
  return edits(wanted, name) <= Math.max(1, Math.floor(long.length * TOLERANCE));
}

/** Letters to insert, delete or replace. Two neighboring letters in the wrong order are one slip. */
function edits(a: string, b: string): number {
  const [left, right] = [a.toLowerCase(), b.toLowerCase()];
  return isSwap(left, right) ? 1 : distance(left, right);
}

function isSwap(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return at < a.length && a.slice(0, at) + (a[at + 1] ?? "") + (a[at] ?? "") + a.slice(at + 2) === b;
}
