import { expect, test } from "vitest";
import { Backoff } from "../../src/time/backoff.ts";

test("delays double from the shortest to the longest", () => {
  const backoff = new Backoff({ min: 100, max: 1_000, random: () => 0 });
  expect(Array.from({ length: 6 }, () => backoff.next())).toEqual([100, 200, 400, 800, 1_000, 1_000]);
});

test("up to half of a delay is taken off at random", () => {
  const backoff = new Backoff({ min: 100, max: 100, random: () => 0.5 });
  expect(backoff.next()).toBe(75);
  expect(new Backoff({ min: 100, max: 100 }).next()).toBeGreaterThanOrEqual(50);
});

test("after a success the next delay is the shortest again", () => {
  const backoff = new Backoff({ min: 100, max: 1_000, random: () => 0 });
  backoff.next();
  backoff.next();
  backoff.reset();
  expect(backoff.next()).toBe(100);
});

test("one attempt may have a range of its own, and counts as an attempt", () => {
  const backoff = new Backoff({ min: 100, max: 1_000, random: () => 0 });
  expect(backoff.next({ min: 5_000, max: 60_000 })).toBe(5_000);
  expect(backoff.next({ min: 5_000, max: 60_000 })).toBe(10_000);
  expect(backoff.next()).toBe(400);
});

test("the thousandth delay is still the longest", () => {
  const backoff = new Backoff({ min: 1, max: 30_000, random: () => 0 });
  for (let attempt = 0; attempt < 2_000; attempt += 1) backoff.next();
  expect(backoff.next()).toBe(30_000);
});
