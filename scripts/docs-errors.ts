// Generates docs/reference/errors.md from the error table.
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { ERRORS } from "@kinsync/core";

const RETRY = {
  retry: "A running kinsync retries by itself.",
  gone: "The container no longer exists. Its replacement is synced when it starts.",
  terminal: "kinsync does not retry until you or your files change something.",
};

/** Codes of a cluster that cannot be reached at all. */
const ENDS_START = new Set(["ANSWER", "BUSY", "CREDENTIALS", "UNREACHABLE"].map((name) => `KINSYNC_CLUSTER_${name}`));
const AT_START = " At its start, kinsync does not retry: the command ends with exit code 5.";

/** The text of the page. */
export function errorsPage(): string {
  const entries = Object.entries(ERRORS).map(([code, entry]) => {
    const atStart = ENDS_START.has(code) ? AT_START : "";
    return `## ${code}\n\n${entry.summary}\n\n${entry.hint}\n\n_${RETRY[entry.retry]}${atStart}_\n`;
  });
  return [
    "# Errors\n",
    "Every failure that kinsync reports has one of these codes. A code is permanent once released. The message names the object and",
    "the cause, the hint names the next step. `npm run docs:errors` generates this page from `packages/core/src/errors/codes.ts`.\n",
    "The last line of each entry is the rule for its code. The field `retry` of an error counts where it differs: a call of a plugin that",
    "took too long is repeated, and a container that another kinsync took is synced again when that one has ended.\n",
    ...entries,
  ].join("\n");
}

if (import.meta.main) writeFileSync(resolve(import.meta.dirname, "..", "docs", "reference", "errors.md"), errorsPage());
