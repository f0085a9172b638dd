import { distance } from "fastest-levenshtein";

/** Those of the names that may have been meant, nearest first; at most three. */
export function nearestNames(wanted: string, names: Iterable<string>): string[] {
  const limit = Math.max(2, Math.floor(wanted.length / 3));
  const ranked: { readonly name: string; readonly far: number }[] = [];
  for (const name of new Set(names)) {
    const isPart = wanted.length >= 3 && (name.includes(wanted) || wanted.includes(name)) && name.length >= 3;
    const far = distance(wanted, name);
    if (far <= limit || isPart) ranked.push({ name, far });
  }
  ranked.sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1));
  return ranked.slice(0, 3).map(({ name }) => name);
}

/** `Did you mean a or b?`, or the other hint where nothing is near. */
export function didYouMean(near: readonly string[], otherwise: string): string {
  if (near.length === 0) return otherwise;
  const last = near.at(-1) ?? "";
  const text = near.length === 1 ? last : `${near.slice(0, -1).join(", ")} or ${last}`;
  return `Did you mean ${text}?`;
}
