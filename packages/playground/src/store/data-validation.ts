// What the API server checks of ConfigMaps and Secrets.

import { isDeepStrictEqual } from "node:util";

import type { StatusCause } from "../status-error.ts";
import type { NewObject, StoredObject } from "../world.ts";
import { wrong } from "./causes.ts";

type Fields = Readonly<Record<string, unknown>>;

const MAX_KEY_CHARACTERS = 253;
const MAX_DATA_BYTES = 1024 * 1024;
const MAPS = ["data", "binaryData", "stringData"] as const;

function keyProblem(key: string): string | undefined {
  if (key.length > MAX_KEY_CHARACTERS) return `must be no more than ${MAX_KEY_CHARACTERS} characters`;
  if (!/^[-._a-zA-Z0-9]+$/.test(key)) {
    return "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
  }
  return key === "." || key.startsWith("..") ? `must not start with '..' or be '.'` : undefined;
}

/** Key names, keys in two maps, and the size of all values. */
export function dataProblems(object: NewObject): StatusCause[] {
  const causes: StatusCause[] = [];
  const isSecret = object.kind === "Secret";
  const seen = new Set<string>();
  let bytes = 0;
  for (const map of MAPS) {
    for (const [key, value] of Object.entries(((object as Fields)[map] ?? {}) as Fields)) {
      const problem = keyProblem(key);
      if (problem !== undefined) causes.push(wrong(`${map}[${key}]`, key, problem));
      else if (seen.has(key) && map === "binaryData") {
        causes.push(wrong(`data[${key}]`, key, "duplicate of key present in binaryData"));
      }
      seen.add(key);
      const isBase64 = map === "binaryData" || (isSecret && map === "data");
      bytes += Buffer.byteLength(String(value), isBase64 ? "base64" : "utf8");
    }
  }
  if (bytes > MAX_DATA_BYTES) {
    causes.push({
      reason: "FieldValueTooLong",
      message: `Too long: may not be more than ${MAX_DATA_BYTES} bytes`,
      field: isSecret ? "data" : "[]",
    });
  }
  return causes;
}

/** What an update changes of an object with `immutable: true`. */
export function immutableDataProblems(current: StoredObject, next: StoredObject): StatusCause[] {
  const before = current as unknown as Fields;
  const after = next as unknown as Fields;
  if (before["immutable"] !== true) return [];
  return ["immutable", ...MAPS]
    .filter((field) => !isDeepStrictEqual(before[field] ?? {}, after[field] ?? {}))
    .map((field) => ({
      reason: "FieldValueForbidden",
      message: "Forbidden: field is immutable when `immutable` is set",
      field,
    }));
}
