import { sameJson } from "../../kube/trim.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * The difference between two JSON objects as a JSON merge patch (RFC 7396): only changed fields, `null` for removed ones.
 * `undefined` if the second object contains a `null`, which such a patch cannot express.
 */
export function changeOf(before: Json, after: Json): Json | undefined {
  return holdsNull(after) ? undefined : difference(before, after);
}

/** Applies a JSON merge patch. Its arguments are not changed. */
export function applyChange(before: Json, change: Json): Json {
  const after: Record<string, unknown> = { ...before };
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete after[key];
    else if (isObject(value)) after[key] = applyChange(isObject(after[key]) ? after[key] : {}, value);
    else after[key] = value;
  }
  return after;
}

function difference(before: Json, after: Json): Json {
  const change: Record<string, unknown> = {};
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) change[key] = null;
  for (const [key, value] of Object.entries(after)) {
    const old = before[key];
    if (Object.hasOwn(before, key) && sameJson(old, value)) continue;
    change[key] = isObject(old) && isObject(value) ? difference(old, value) : value;
  }
  return change;
}

function holdsNull(value: unknown): boolean {
  if (value === null) return true;
  return typeof value === "object" && Object.values(value).some(holdsNull);
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
