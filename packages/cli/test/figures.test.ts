import { expect, test } from "vitest";
import { cut } from "../src/render/cut.ts";
import { bytes, count, duration } from "../src/render/units.ts";
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
  [0.4, "1ms"],
  [8.4, "8ms"],
  [1_300, "1.3s"],
  [59_960, "59.9s"],
  [125_400, "2m 5s"],
  [3_725_000, "1h 2m"],
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
