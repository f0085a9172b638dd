import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Debounce } from "../../../src/local/settle/debounce.ts";

let isGitLocked = false;
let settled = 0;
let debounce: Debounce;

beforeEach(() => {
  vi.useFakeTimers();
  isGitLocked = false;
  settled = 0;
  debounce = new Debounce({ quietMs: 5, isGitLocked: () => isGitLocked, onSettled: () => (settled += 1) });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A change every 4 ms. */
function changeFor(durationMs: number): void {
  for (let passedMs = 0; passedMs < durationMs; passedMs += 4) {
    debounce.restart();
    vi.advanceTimersByTime(4);
  }
}

test("changes without a pause of 5 ms settle once", () => {
  changeFor(40);
  expect([settled, debounce.isPending]).toEqual([0, true]);
  vi.advanceTimersByTime(1);
  expect([settled, debounce.isPending]).toEqual([1, false]);
});

test("changes that never pause settle every 100 ms", () => {
  changeFor(1_000);
  expect(settled).toBeGreaterThanOrEqual(9);
});

test("while git holds its lock, changes settle after 5 s at the latest", () => {
  isGitLocked = true;
  changeFor(4_900);
  expect(settled).toBe(0);
  changeFor(200);
  expect(settled).toBe(1);
});

test("a disposed debounce does not settle", () => {
  debounce.restart();
  debounce[Symbol.dispose]();
  debounce.restart();
  vi.advanceTimersByTime(1_000);
  expect(settled).toBe(0);
});
