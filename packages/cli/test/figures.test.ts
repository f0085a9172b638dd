import { expect, test } from "vitest";
import { bytes, count, duration, parseDuration } from "../src/render/units.ts";

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [34_930, "34.1 KiB"],
  [104_857_600, "100 MiB"],
])("%d bytes are %s", (number, text) => {
  expect(bytes(number)).toBe(text);
});

test.each([
  [0.4, "0.4 ms"],
  [8.4, "8 ms"],
  [1_300, "1.3 s"],
  [125_000, "2 min 5 s"],
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
