import { expect, test } from "vitest";
import { cut } from "../src/render/cut.ts";
import { pad, shorten, widthOf, wrap } from "../src/render/fit.ts";
import { formatColumns } from "../src/render/columns.ts";
import { bytes, count, duration, withLocalTimes } from "../src/render/units.ts";
import { parseDuration } from "../src/setup/parse-duration.ts";

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [34_930, "34.1 KiB"],
  [104_857_600, "100 MiB"],
])("%d bytes are %s", (number, text) => {
  expect(bytes(number)).toBe(text);
});

test.each([
  [0.4, "1 ms"],
  [8.4, "8 ms"],
  [1_300, "1.3 s"],
  [59_960, "59.9 s"],
  [125_400, "2 min 5 s"],
  [3_725_000, "1 h 2 min"],
])("%d ms are %s", (number, text) => {
  expect(duration(number)).toBe(text);
});

test.each([
  ["90", 90_000],
  ["90s", 90_000],
  ["2m", 120_000],
  ["500ms", 500],
  ["1.5m", 90_000],
  ["0", 0],
  ["soon", undefined],
  ["-1", undefined],
  ["", undefined],
  ["5 apples", undefined],
])("the duration %s is %s", (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});

test("one is not many", () => {
  expect([count(1, "file"), count(2, "file"), count(0, "entry", "entries")]).toEqual([
    "1 file",
    "2 files",
    "0 entries",
  ]);
});

test.each([
  ["train-0", 7, "train-0"],
  ["train-0", 5, "trai…"],
  ["日本語", 6, "日本語"],
  ["日本語", 5, "日本…"],
  ["🚀🚀", 3, "🚀…"],
  ["", 4, ""],
])("%j in %d columns is %j", (text, width, expected) => {
  expect(cut(text, width)).toBe(expected);
});

test.each([
  ["llama3-finetune-experiment-42-worker-0-15-x7k2p", 24, "llama3-fin…er-0-15-x7k2p"],
  ["web-0", 24, "web-0"],
  ["日本語のポッド-0-1", 12, "日本…ド-0-1"],
])("the name %s in %i columns keeps its end", (name, width, expected) => {
  expect(shorten(name, width)).toBe(expected);
  expect(widthOf(shorten(name, width))).toBeLessThanOrEqual(width);
});

test("columns of wide characters are aligned", () => {
  expect(pad("日本", 6)).toBe("日本  ");
  const lines = formatColumns([
    ["NAME", "STATE"],
    ["日本語", "up to date"],
    ["a", "failed"],
  ]);
  expect(lines.map((line) => widthOf(line.replace(/(STATE|up to date|failed)$/, "")))).toEqual([8, 8, 8]);
});

test("a long text is broken at blanks, with nothing lost, and an endless word within", () => {
  const text = `cannot write to ${"x".repeat(40)}: denied 日本語`;
  const lines = wrap(text, 24, 4);
  expect(lines.every((line) => widthOf(line) <= 24 && line.startsWith("    "))).toBe(true);
  expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
});

test("times of today have no date", () => {
  const at = (hour: number): string => new Date(2026, 0, 2, hour, 5, 9).toISOString();
  const now = new Date(2026, 0, 2, 20);
  expect(withLocalTimes(`since ${at(17)}, by me`, now)).toBe("since 17:05:09, by me");
  expect(withLocalTimes(`since ${at(17)}`, new Date(2026, 0, 3))).toBe("since 2026-01-02 17:05:09");
});
