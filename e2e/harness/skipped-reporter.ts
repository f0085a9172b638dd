import { readFileSync, writeFileSync } from "node:fs";
import { markdownTable } from "markdown-table";
import type { Reporter, TestModule } from "vitest/node";
import { UNCONFINED } from "./needs.ts";
import type { Settings } from "./settings.ts";

const PAGE = new URL("../../docs/reference/playground.md", import.meta.url);
const BEGIN = "<!-- situations that are not played: npm run e2e -- --playground --write-docs -->";
const END = "<!-- end -->";

/**
 * Fails a run with skipped situations if the run has to be complete, and a run on the playground if its page does not list exactly
 * the skipped situations.
 */
export function skippedReporter(settings: Settings): Reporter {
  return {
    onTestRunEnd(modules, _errors, reason) {
      const skipped = skippedIn(modules);
      if (settings.isComplete && skipped.length > 0) {
        const lines = skipped.map(([name, why]) => `${name}: ${why}`);
        fail(`this run must not skip situations, but it skipped:\n${lines.join("\n")}`);
      }
      const isUnconfined = skipped.some(([, why]) => why === UNCONFINED);
      if (isUnconfined) process.stderr.write(`skipped: ${UNCONFINED}\n`);
      // A selection of situations, or a run that was cut off, cannot be compared with the page.
      if (settings.target !== "playground" || !settings.isWhole || reason === "interrupted") return;
      if (isUnconfined) return;
      const page = readFileSync(PAGE, "utf8");
      const expected = withTable(page, tableOf(skipped));
      if (page === expected) return;
      if (settings.writeDocs) writeFileSync(PAGE, expected);
      else
        fail(
          "docs/reference/playground.md does not list the skipped situations. Run `npm run e2e -- --playground --write-docs`.",
        );
    },
  };
}

function skippedIn(modules: readonly TestModule[]): readonly (readonly [name: string, why: string])[] {
  return modules
    .flatMap((module) => [...module.children.allTests("skipped")])
    .map((test) => {
      const result = test.result();
      return [test.name, (result.state === "skipped" && result.note) || "it was not run"] as const;
    });
}

function tableOf(skipped: readonly (readonly [name: string, why: string])[]): string {
  const rows = skipped
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map((row) => row.map((text) => text.replaceAll("|", "\\|")));
  return markdownTable([["situation", "why"], ...rows]);
}

function withTable(page: string, table: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END, begin);
  if (begin === -1 || end === -1) throw new Error(`docs/reference/playground.md lacks ${BEGIN} or ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${page.slice(end)}`;
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
