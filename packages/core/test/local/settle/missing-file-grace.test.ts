import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MissingFileGrace } from "../../../src/local/settle/missing-file-grace.ts";
import type { SourceState } from "../../../src/local/source.ts";
import { memoryContent } from "../../../src/mapping/memory-content.ts";
import { createTree } from "../../../src/mapping/tree.ts";

const missing: SourceState = { state: "missing" };
const present: SourceState = {
  state: "present",
  tree: createTree("file", []),
  content: memoryContent([]),
  problems: [],
  isIgnored: () => false,
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a single file that is missing keeps its state until the grace is over", () => {
  const grace = new MissingFileGrace(2_000);
  expect(grace.remainingMs("file", present, missing)).toBe(2_000);
  vi.advanceTimersByTime(1_500);
  expect(grace.remainingMs("file", present, missing)).toBe(500);
  vi.advanceTimersByTime(500);
  expect(grace.remainingMs("file", present, missing)).toBe(0);
});

test("a file that is back has the whole grace again", () => {
  const grace = new MissingFileGrace(2_000);
  grace.remainingMs("file", present, missing);
  vi.advanceTimersByTime(1_900);
  expect(grace.remainingMs("file", present, present)).toBe(0);
  expect(grace.remainingMs("file", present, missing)).toBe(2_000);
});

test("a folder, and a file that never existed, have no grace", () => {
  const grace = new MissingFileGrace(2_000);
  expect(grace.remainingMs("directory", present, missing)).toBe(0);
  expect(grace.remainingMs("file", undefined, missing)).toBe(0);
  expect(grace.remainingMs("file", missing, missing)).toBe(0);
});
