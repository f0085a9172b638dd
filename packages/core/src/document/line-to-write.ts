import type { ConfigPath } from "./parse.ts";

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * A value of the wrong type in the right one, with its key, as YAML and TypeScript take it: `roles: ["head"]`. `undefined` where there
 * is no telling what was meant.
 * @param expected the type as zod names it
 */
export function lineToWrite(expected: string, value: unknown, path: ConfigPath): string | undefined {
  // Of `indexes[0]` the whole list is shown.
  const isEntry = typeof path.at(-1) === "number";
  const key = path.findLast((step) => typeof step === "string");
  if (key === undefined) return undefined;
  const written = inType(expected, value, key);
  if (written === undefined) return undefined;
  return `${key}: ${isEntry ? `[${written}]` : written}`;
}

function inType(expected: string, value: unknown, key: string): string | undefined {
  switch (expected) {
    case "array":
      if (typeof value === "string" || isObject(value)) return `[${isObject(value) ? "{ … }" : JSON.stringify(value)}]`;
      return LISTS[key];
    case "string":
      return typeof value === "number" || typeof value === "boolean" ? JSON.stringify(String(value)) : undefined;
    case "boolean":
      return typeof value === "string" || typeof value === "number" ? String(isYes(value)) : undefined;
    case "number":
    case "int":
      if (typeof value !== "string") return undefined;
      return /port$/i.test(key) ? portOf(value) : millisecondsOf(value);
    case "object":
    case "record":
      return OBJECTS[key];
    default:
      return undefined;
  }
}

const OBJECTS: Readonly<Record<string, string>> = {
  labels: '{ side: "active" }',
  containers: '{ name: "main" }',
};

/** Examples for lists that the given value does not help with. */
const LISTS: Readonly<Record<string, string>> = {
  workloads: '[{ workload: "jobset/train", sync: [{ from: "src", to: "/app/src" }] }]',
  sync: '[{ from: "src", to: "/app/src" }]',
  run: '[{ when: ["requirements.txt"], command: ["pip", "install", "-r", "requirements.txt"] }]',
};

function isYes(value: string | number): boolean {
  return /^(?:yes|true|on|y|1)$/i.test(String(value));
}

function portOf(text: string): string | undefined {
  return /^\d+$/.test(text.trim()) ? text.trim() : undefined;
}

/** Every number of a config but ports is in milliseconds. */
function millisecondsOf(text: string): string | undefined {
  const [, amount, unit = "ms"] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(text.trim()) ?? [];
  if (amount === undefined) return undefined;
  return `${Number(amount) * (UNITS_MS[unit] ?? 1)} (milliseconds)`;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
