// Writes docs/reference/errors.md from the table of errors.
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { ERRORS } from "@kinsync/core";

const RETRY = {
  retry: "kinsync retries by itself.",
  gone: "The container no longer exists; its replacement is synced when it starts.",
  terminal: "Not retried until you or your files change something.",
};

/** The content of the page. */
export function errorsPage(): string {
  const entries = Object.entries(ERRORS).map(
    ([code, entry]) => `## ${code}\n\n${entry.summary}\n\n${entry.hint}\n\n_${RETRY[entry.retry]}_\n`,
  );
  return [
    "# Errors\n",
    "Every failure that kinsync reports has one of these codes. A code is permanent once released; the sentence that comes with it",
    "names the object and the cause, and the hint the next step. This page is written by `npm run docs:errors` from",
    "`packages/core/src/errors/codes.ts`.\n",
    ...entries,
  ].join("\n");
}

if (import.meta.main) writeFileSync(resolve(import.meta.dirname, "..", "docs", "reference", "errors.md"), errorsPage());
