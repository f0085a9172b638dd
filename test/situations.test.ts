import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { expect, test } from "vitest";

const SITUATIONS = new URL("../e2e/situations/", import.meta.url).pathname;
/** They break components that every situation of the cluster shares. */
const SHARED = /from "(?:\.\.\/)+faults\/(?:node-components|etcd-compaction)\.ts"/;

test("situations that break what all others share run after them, one at a time: their files are named `faults-…`", () => {
  const files = globSync("**/*.test.ts", { cwd: SITUATIONS });
  const breaking = files.filter((file) => SHARED.test(readFileSync(`${SITUATIONS}${file}`, "utf8")));
  expect(breaking.length).toBeGreaterThan(1);
  expect(breaking.filter((file) => !basename(file).startsWith("faults-"))).toEqual([]);
});
