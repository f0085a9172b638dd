import { isKinsyncError, isSourceError, KinsyncError } from "../errors/error.ts";

/** An answer that makes no sense; `call` adds whose it is. */
export function answer(message: string): TypeError {
  return new TypeError(message);
}

/**
 * The error of a plugin's function, with plugin and operation. A `KinsyncError` keeps its code, hint and retry; anything else
 * becomes `KINSYNC_PLUGIN_FAILED`. The cause is kept.
 */
export function pluginError(plugin: string, operation: string, error: unknown): KinsyncError {
  if (isKinsyncError(error)) {
    // Local files and disks are not the plugin's.
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

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** What a value is, for messages, without its content where that may be long. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value === "object") return Array.isArray(value) ? "an array" : "an object";
  if (typeof value === "number" || typeof value === "boolean") return `${typeof value} ${value}`;
  return `a ${typeof value}`;
}
