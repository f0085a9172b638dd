import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import type { BenchCluster } from "../bench/harness/bench-cluster.ts";
import { parseClusterOptions } from "../bench/harness/cluster-options.ts";
import { createObserver } from "../bench/harness/observer.ts";
import { withResults } from "../bench/report/results-page.ts";
import { Figures, figuresAsText, verdictsAsText } from "../bench/report/figures.ts";
import { goalsOf } from "../bench/report/goals.ts";
import type { Goal } from "../bench/report/goals.ts";
import { rowsOf, SIZES, TABLES } from "../bench/report/tables.ts";
import type { TableName } from "../bench/report/tables.ts";

const ALL = Object.keys(TABLES) as TableName[];
const GOALS = goalsOf(ALL);

/** One pod, three rounds of each way. */
function someFigures(): Figures {
  const figures = new Figures();
  for (const last of [400, 200, 300]) figures.add("save", 1, "cp", { first: last, last });
  for (const last of [12, 500, 10]) figures.add("save", 1, "cli", { first: last, last });
  for (const last of [2, 2, 2]) figures.add("save", 1, "floor", { first: last, last });
  return figures;
}

test("every goal compares rows that a whole run measures", () => {
  const rows = rowsOf(ALL, SIZES);
  for (const { of, against } of GOALS) for (const row of [...of, against]) expect(rows).toContain(row);
  expect(GOALS.length).toBeGreaterThan(5);
  expect(goalsOf(["big-file"]).every(({ against }) => against.startsWith("big-file/"))).toBe(true);
});

test("a goal with an unknown row does not compile", () => {
  // @ts-expect-error No group has 7 pods.
  const size: Goal = { what: "", of: ["save/7 cli"], against: "save/5 cp", atMost: 1 };
  // @ts-expect-error The image of python3 has no tar, so its table has no row of kubectl cp.
  const way: Goal = { what: "", of: ["save/5 cli"], against: "save-python/5 cp", atMost: 1 };
  expect([size, way]).toHaveLength(2);
});

test("a goal compares medians of one run; without measurements it is not judged", () => {
  const [goal] = GOALS.filter(({ of }) => of.includes("save/1 cli"));
  if (goal === undefined) throw new Error("no goal is about one pod");
  const verdicts = someFigures().judge([goal, { ...goal, atMost: 1 / 30 }]);
  expect(verdicts.map(({ value }) => value)).toEqual([undefined, 12 / 300, undefined, 12 / 300]);
  const text = verdictsAsText(verdicts);
  expect(text).toContain("1/25.0 |          met |");
  expect(text).toContain("1/25.0 |       missed |");
  expect(text).toContain("not measured |");
});

test("a table shows the number of measurements and is sorted by the last pod", () => {
  const lines = figuresAsText(someFigures()).split("\n");
  expect(lines.filter((line) => line.startsWith("| ---"))).toEqual([
    expect.stringMatching(/^\| -{3,}(?: \| -{2,}:)+ \|$/),
  ]);
  const rows = lines
    .filter((line) => line.startsWith("| 1 pod:"))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  expect(rows.map(([, way, n, , last]) => [way, n, last])).toEqual([
    ["1 pod: one open exec (floor)", "3", "2.00"],
    ["1 pod: kinsync up (CLI)", "3", "12.0"],
    ["1 pod: kubectl cp, in parallel", "3", "300"],
  ]);
});

test("results replace only the text between the markers of the page", () => {
  const page = readFileSync(join(resolve(import.meta.dirname, ".."), "docs", "benchmarks.md"), "utf8");
  const once = withResults(page, "## Results\n\nfigures of a first run");
  const twice = withResults(once, "## Results\n\nfigures of a second run");
  expect(once).toContain("figures of a first run");
  expect(twice).not.toContain("figures of a first run");
  expect(withResults(twice, "## Results\n\nfigures of a first run")).toBe(once);
  expect(() => withResults("# A page without markers", "x")).toThrow("the page requires one line");
});

test("only a whole run can be written", () => {
  expect(parseClusterOptions(["--write"])).toMatchObject({ whole: true, rounds: 20, turns: 20, sizes: [1, 5, 20] });
  expect(parseClusterOptions(["--smoke"])).toMatchObject({ whole: false, rounds: 1, sizes: [1], judged: [] });
  expect(parseClusterOptions(["--files", "100"]).judged).not.toContain("first-sync");
  for (const option of [["--smoke"], ["--pods", "1"], ["--only", "save"], ["--files", "9"], ["--mib", "1"]]) {
    expect(() => parseClusterOptions(["--write", ...option])).toThrow("requires a whole run");
  }
  expect(() => parseClusterOptions(["--only", "saves"])).toThrow("tables are save, save-python, first-sync, big-file");
});

test("a folder that a container creates late is observed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kinsync-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const cluster: Pick<BenchCluster, "localPath"> = {
    localPath: (pod, inside) => Promise.resolve(join(folder, pod, inside)),
  };
  const file = { pod: "a", folder: "bench/lib", name: "live.txt" };
  const opening = createObserver(cluster as BenchCluster, [file]);
  // By then the observer runs.
  await delay(1500);
  mkdirSync(join(folder, "a/bench/lib"), { recursive: true });
  await using observer = await opening;
  writeFileSync(join(folder, "a/bench/lib/live.txt"), "one\n");
  expect(await observer.until([file], "one")).toEqual([expect.any(Number)]);
});
