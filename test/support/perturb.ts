import type { KubeObject } from "@kinsync/core/contract";

/** A random number from 0 (included) to 1. */
export type Random = () => number;

/** Any value of JSON below an object of the API. */
type Json = string | number | boolean | null | readonly Json[] | { [key: string]: Json };

/** Fields that make up the graph, or that every object has: a change there makes another case, not another state. */
const FIXED: ReadonlySet<string> = new Set([
  "apiVersion",
  "kind",
  "uid",
  "namespace",
  "ownerReferences",
  "containers",
  "name",
]);

/**
 * Objects with one to four random changes that keep types: a field removed, a number one more or less, a condition turned, the value of a
 * label exchanged with that of another object, a deletion begun.
 */
export function perturb(objects: readonly KubeObject[], random: Random): readonly KubeObject[] {
  const changed = structuredClone(objects) as unknown as { [key: string]: Json }[];
  const count = 1 + Math.floor(random() * 4);
  for (let turn = 0; turn < count; turn += 1) {
    const object = pick(changed, random);
    if (random() < 0.1) begin(object);
    else change(object, changed, random);
  }
  return changed as unknown as readonly KubeObject[];
}

function begin(object: { [key: string]: Json }): void {
  (object["metadata"] as { [key: string]: Json })["deletionTimestamp"] = "2026-01-02T03:04:05Z";
}

/** Walks to a random field and changes it. */
function change(object: { [key: string]: Json }, all: readonly { [key: string]: Json }[], random: Random): void {
  let at: { [key: string]: Json } = object;
  for (let depth = 0; depth < 12; depth += 1) {
    const keys = Object.keys(at).filter((key) => !FIXED.has(key));
    if (keys.length === 0) return;
    const key = pick(keys, random);
    const value = at[key] as Json;
    if (Array.isArray(value)) {
      if (typeof value[0] === "number")
        return void (at[key] = value.map((each) => Number(each) + (random() < 0.5 ? 1 : 0)));
      const items = value.filter((item) => typeof item === "object" && item !== null) as { [key: string]: Json }[];
      if (items.length === 0) return;
      at = pick(items, random);
      continue;
    }
    const isWhole = depth === 0 && key !== "status";
    if (typeof value === "object" && value !== null && (isWhole || random() < 0.9)) {
      at = value as { [key: string]: Json };
      continue;
    }
    if (random() < 0.3 || typeof value === "object") {
      delete at[key];
      return;
    }
    if (typeof value === "number") at[key] = Math.max(0, value + (random() < 0.5 ? 1 : -1));
    else if (typeof value === "boolean") at[key] = !value;
    else if (typeof value === "string") at[key] = pick(valuesOf(all, key, value), random);
    return;
  }
}

/** The texts that fields of this name have anywhere, and for a counter the next ones. */
function valuesOf(value: Json, name: string, own: string): readonly string[] {
  const found = new Set([own]);
  const visit = (each: Json): void => {
    if (typeof each !== "object" || each === null) return;
    for (const [key, inner] of Object.entries(each)) {
      if (key === name && typeof inner === "string") found.add(inner);
      else visit(inner);
    }
  };
  visit(value);
  if (/^\d+$/.test(own)) for (const step of [-1, 1]) found.add(String(Math.max(0, Number(own) + step)));
  if (own === "True" || own === "False") found.add(own === "True" ? "False" : "True");
  return [...found];
}

function pick<Item>(items: readonly Item[], random: Random): Item {
  return items[Math.floor(random() * items.length)] as Item;
}
