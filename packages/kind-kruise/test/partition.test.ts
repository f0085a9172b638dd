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
  ["3", 5, 0],
  ["0.5%", 5, 1],
  ["50%", 1, 1],
  ["99%", 2, 1],
  ["200%", 5, 5],
])("partition %s of %i replicas keeps %i pods", (partition, replicas, kept) => {
  expect(keptByPartition(partition, replicas)).toBe(kept);
});

test.each([
  [{ replicas: 3, reserveOrdinals: [1] }, [0, 2, 3]],
  [{ replicas: 3, reserveOrdinals: ["0-2", 4] }, [3, 5, 6]],
  [{ replicas: 3, reserveOrdinals: ["0-3", "2-5", 4] }, [6, 7, 8]],
  [{ replicas: 2, ordinals: { start: 5 }, reserveOrdinals: ["6-6"] }, [5, 7]],
  [{ replicas: 2, ordinals: { start: 5 }, reserveOrdinals: ["2-6"] }, [7, 8]],
  [{ replicas: 0 }, []],
])("of %j the ordinals %j are wanted, with ranks from 0", (spec, wanted) => {
  const { rankOf } = readOrdinals(spec);
  const ranks = Array.from({ length: 12 }, (_, ordinal) => [ordinal, rankOf(ordinal)] as const);
  expect(ranks.filter(([, rank]) => rank !== undefined)).toEqual(wanted.map((ordinal, rank) => [ordinal, rank]));
});

test.each([["x"], ["6"], ["5-3"]])("a range %j that the controller cannot read makes it reserve nothing", (range) => {
  const { rankOf } = readOrdinals({ replicas: 2, reserveOrdinals: [0, range] });
  expect([rankOf(0), rankOf(1), rankOf(2)]).toEqual([0, 1, undefined]);
});

test("a wide range is reserved as a whole", () => {
  const { rankOf } = readOrdinals({ replicas: 1, reserveOrdinals: ["0-1000000000"] });
  expect([rankOf(20_000), rankOf(1_000_000_001)]).toEqual([undefined, 0]);
});
