import { createRequire } from "node:module";

import type * as Rfc6902 from "rfc6902";
import type { Operation } from "rfc6902";

import { StatusError, badRequest } from "../status-error.ts";

// Loaded at the first patch, to keep the start short; by `require`, because a write does not wait.
const require = createRequire(import.meta.url);

function refused(why: string): StatusError {
  return new StatusError(
    422,
    "Invalid",
    `the server rejected our request due to an error in our request: JSON patch: ${why}`,
  );
}

/** rfc6902 checks the index of an array for `add` and `remove` only. */
function hasUsableIndex(
  { op }: Operation,
  { parent, key }: { readonly parent: unknown; readonly key: string },
): boolean {
  if (!Array.isArray(parent) || op === "test" || (key === "-" && op !== "replace")) {
    return true;
  }
  return /^(0|[1-9][0-9]*)$/.test(key) && Number(key) < parent.length + (op === "replace" || op === "remove" ? 0 : 1);
}

/** Returns a copy of `target` with a JSON patch (RFC 6902) applied. Throws 422 if a path is missing or a `test` fails, as the real API server does. */
export function jsonPatch(target: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) {
    throw badRequest("a JSON patch is a list of operations");
  }
  const { Pointer, applyPatch } = require("rfc6902") as typeof Rfc6902;
  const root = structuredClone(target);
  for (const operation of operations as readonly Operation[]) {
    let error: Error | null | undefined;
    try {
      if (!hasUsableIndex(operation, Pointer.fromJSON(operation.path).evaluate(root))) {
        throw refused(`the path ${JSON.stringify(operation.path)} does not name a position of the list`);
      }
      [error] = applyPatch(root, [operation]);
    } catch (thrown) {
      // The library throws on values that are not operations, and on paths that are not JSON pointers.
      throw thrown instanceof StatusError ? thrown : refused(`cannot apply ${JSON.stringify(operation)}`);
    }
    if (error !== null) {
      throw refused(`${operation.op} ${JSON.stringify(operation.path)}: ${error?.message ?? "failed"}`);
    }
  }
  return root;
}
