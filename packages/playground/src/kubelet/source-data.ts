import type { StoredObject } from "../world.ts";

/** The files of a ConfigMap or Secret, by key; `undefined` if the object is missing. */
export function dataOf(object: StoredObject | undefined): Record<string, Buffer> | undefined {
  if (object === undefined) return undefined;
  const entries = (field: string): [string, string][] =>
    Object.entries((object[field] ?? {}) as Record<string, string>);
  const encoding = object.kind === "Secret" ? "base64" : "utf8";
  return Object.fromEntries([
    ...entries("data").map(([key, value]) => [key, Buffer.from(value, encoding)] as const),
    ...entries("binaryData").map(([key, value]) => [key, Buffer.from(value, "base64")] as const),
    ...entries("stringData").map(([key, value]) => [key, Buffer.from(value)] as const),
  ]);
}
