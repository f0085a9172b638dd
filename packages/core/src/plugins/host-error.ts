import { isKinsyncError, isSourceError, KinsyncError } from "../errors/error.ts";
import { nearestNames } from "../text/did-you-mean.ts";
import { watchCall } from "./call-watch.ts";

/** The error for an answer that does not follow the contract; `call` adds the plugin and the function. */
export function answer(message: string): TypeError {
  return new TypeError(message);
}

/**
 * The error of a plugin's function, with plugin and operation. A `KinsyncError` keeps its code, hint and retry; anything else
 * becomes `KINSYNC_PLUGIN_FAILED`. The cause is kept.
 */
export function pluginError(plugin: string, operation: string, error: unknown): KinsyncError {
  if (isKinsyncError(error)) {
    // Errors of local files and disks are not the plugin's.
    if (error.plugin !== undefined || isSourceError(error)) return error;
    return new KinsyncError(error.code, error.message, {
      hint: error.hint,
      retry: error.retry,
      details: error.details,
      cause: error,
      plugin,
      operation,
    });
  }
  const why = error instanceof Error ? error.message : describe(error);
  return new KinsyncError("KINSYNC_PLUGIN_FAILED", `plugin ${plugin} failed in ${operation}: ${why}`, {
    cause: error,
    plugin,
    operation,
  });
}

/** Runs a plugin's function under the watchdog. Whatever it throws names the plugin and the function. */
export function call<T>(plugin: string, operation: string, run: () => T): T {
  try {
    return watchCall(plugin, operation, run);
  } catch (error) {
    throw pluginError(plugin, operation, error);
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** Describes a value for messages, without its content where that may be long. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value === "object") return Array.isArray(value) ? "an array" : "an object";
  if (typeof value === "number" || typeof value === "boolean") return `${typeof value} ${value}`;
  return `a ${typeof value}`;
}

/** The first field that is not a key of `fields`, with the nearest name: ; did you mean `role`? */
export function unknownField(
  value: object,
  fields: object,
): { readonly field: string; readonly hint: string } | undefined {
  for (const field of Object.keys(value)) {
    if (Object.hasOwn(fields, field)) continue;
    const names = Object.keys(fields);
    const [near] = nearestNames(field, names);
    return { field, hint: near === undefined ? `; the fields are ${names.join(", ")}` : `; did you mean \`${near}\`?` };
  }
  return undefined;
}
