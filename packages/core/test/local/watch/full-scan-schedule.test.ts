import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FullScanSchedule } from "../../../src/local/watch/full-scan-schedule.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function isDueAfter(schedule: FullScanSchedule, passedMs: number): boolean {
  vi.setSystemTime(Date.now() + passedMs);
  return schedule.isDue;
}

test("where events arrive a full scan is due after the safety time", () => {
  const schedule = new FullScanSchedule(180_000);
  expect(isDueAfter(schedule, 179_000)).toBe(false);
  expect(isDueAfter(schedule, 1_000)).toBe(true);
  schedule.recordScan(10);
  expect(isDueAfter(schedule, 1_000)).toBe(false);
});

test("without events a full scan is due every second, and takes at most a tenth of the time", () => {
  const schedule = new FullScanSchedule(180_000);
  schedule.startPolling();
  expect(isDueAfter(schedule, 1_000)).toBe(true);
  schedule.recordScan(500);
  expect(isDueAfter(schedule, 4_900)).toBe(false);
  expect(isDueAfter(schedule, 100)).toBe(true);
});
