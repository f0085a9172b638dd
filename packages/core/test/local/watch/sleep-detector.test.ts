import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SleepDetector } from "../../../src/local/watch/sleep-detector.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test.each([
  ["an hour of sleep", 3_601_000, 3_600_000],
  ["a clock that was set back by a minute", -59_000, -60_000],
])("%s is a jump", (_situation, passedMs, jumpMs) => {
  const sleep = new SleepDetector(1_000);
  vi.setSystemTime(Date.now() + passedMs);
  expect(sleep.beat()).toBe(jumpMs);
});

test("a late beat of a busy machine is not a jump, and a jump is reported once", () => {
  const sleep = new SleepDetector(1_000);
  vi.setSystemTime(Date.now() + 4_000);
  expect(sleep.beat()).toBeUndefined();
  vi.setSystemTime(Date.now() + 60_000);
  expect(sleep.beat()).toBe(59_000);
  vi.setSystemTime(Date.now() + 1_000);
  expect(sleep.beat()).toBeUndefined();
});
