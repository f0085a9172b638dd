import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { CONTRACT, isCompatible } from "@kinsync/core/contract";

const ROOT = resolve(import.meta.dirname, "..");

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

test("CONTRACT.md names the version of the contract", () => {
  expect(/^Contract version: \*\*(.+)\*\*$/m.exec(read("CONTRACT.md"))?.[1]).toBe(CONTRACT);
});

test("the table in CONTRACT.md agrees with the host about which plugin loads", () => {
  const rows = [
    ...read("CONTRACT.md").matchAll(/^\| ([\dx.]+) +\| ([\dy.x]+) +\| (loads|`KINSYNC_PLUGIN_CONTRACT`)/gm),
  ];
  expect(rows.length).toBeGreaterThanOrEqual(5);
  for (const [row, plugin = "", host = "", result] of rows) {
    const offered = plugin.includes(".") ? plugin.replace("x", "0") : Number(plugin);
    expect(isCompatible(offered, host.replace(/[xy]/, "0")), row).toBe(result === "loads");
  }
});

test.each(["ARCHITECTURE.md", "docs/guides/write-a-kind.md", "docs/guides/write-a-transport.md"])(
  "%s links to CONTRACT.md",
  (page) => {
    expect(read(page)).toMatch(/\]\((?:\.\.\/\.\.\/)?CONTRACT\.md\)/);
  },
);
