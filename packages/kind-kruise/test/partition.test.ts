import { expect, test } from "vitest";
import { keptByPartition } from "../src/fields.ts";
import { readOrdinals } from "../src/ordinals.ts";

test.each([
  [undefined, 5, 0],
  [2, 5, 2],
  [9, 5, 5],
  ["0%", 5, 0],
  ["10%", 5, 1],
  ["50%", 5, 3],
  ["90%", 5, 4],
  ["100%", 5, 5],
  ["half", 5, 0],
])("partition %s of %i replicas keeps %i pods", (partition, replicas, kept) => {
  expect(keptByPartition(partition, replicas)).toBe(kept);
});

test("reserved ordinals are holes, as numbers and as ranges", () => {
  expect([...readOrdinals({ replicas: 3, reserveOrdinals: [1] }).wanted]).toEqual([0, 2, 3]);
  expect([...readOrdinals({ replicas: 3, reserveOrdinals: ["0-2", 4, "x"] }).wanted]).toEqual([3, 5, 6]);
  expect([...readOrdinals({ replicas: 2, ordinals: { start: 5 }, reserveOrdinals: ["6"] }).wanted]).toEqual([5, 7]);
});
