import { readFileSync, writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";
import { UNCONFINED } from "./needs.ts";
import type { Settings } from "./settings.ts";

const PAGE = new URL("../../docs/reference/playground.md", import.meta.url);
const START = "<!-- situations that are not played: npm run e2e -- --playground --write-docs -->";
const END = "<!-- end -->";

/**
 * Sees to what was skipped: nothing may be, where the run is to be complete; and what the playground cannot play is exactly what
 * its page says.
 */
export function skippedReporter(settings: Settings): Reporter {
  return {
    onTestRunEnd(modules, _errors, reason) {
      const skipped = skippedOf(modules);
      if (settings.isComplete && skipped.length > 0) {
        fail(
          `nothing may be skipped here, but these were:\n${skipped.map(([name, why]) => `${name}: ${why}`).join("\n")}`,
        );
      }
      const isUnconfined = skipped.some(([, why]) => why === UNCONFINED);
      if (isUnconfined) process.stderr.write(`left out: ${UNCONFINED}\n`);
      // A run of some of the situations, or one that was cut off, says nothing of the others.
      if (settings.world !== "playground" || !settings.isWhole || reason === "interrupted") return;
      if (isUnconfined) return;
      const page = readFileSync(PAGE, "utf8");
      const should = withTable(page, tableOf(skipped));
      if (page === should) return;
      if (settings.writeDocs) writeFileSync(PAGE, should);
      else
        fail(
          "docs/reference/playground.md tells other situations to be not played: npm run e2e -- --playground --write-docs",
        );
    },
  };
}

function skippedOf(modules: readonly TestModule[]): readonly (readonly [name: string, why: string])[] {
  return modules
    .flatMap((module) => [...module.children.allTests("skipped")])
    .map((test) => {
      const result = test.result();
      return [test.name, (result.state === "skipped" && result.note) || "it was not run"] as const;
    });
}

function tableOf(rows: readonly (readonly [name: string, why: string])[]): string {
  const cells = [["situation", "why"], ...rows.toSorted(([a], [b]) => (a < b ? -1 : 1))].map((row) =>
    row.map((text) => text.replaceAll("|", "\\|")),
  );
  const [first = 0, second = 0] = [0, 1].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = ([a = "", b = ""]: readonly string[]): string => `| ${a.padEnd(first)} | ${b.padEnd(second)} |`;
  const [head = [], ...body] = cells;
  return [line(head), `| ${"-".repeat(first)} | ${"-".repeat(second)} |`, ...body.map(line)].join("\n");
}

function withTable(page: string, table: string): string {
  const start = page.indexOf(START);
  const end = page.indexOf(END, start);
  if (start === -1 || end === -1) throw new Error(`docs/reference/playground.md lacks ${START} or ${END}`);
  return `${page.slice(0, start + START.length)}\n\n${table}\n\n${page.slice(end)}`;
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
