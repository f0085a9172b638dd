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

test.each([
  [{ replicas: 3, reserveOrdinals: [1] }, [0, 2, 3]],
  [{ replicas: 3, reserveOrdinals: ["0-2", 4, "x"] }, [3, 5, 6]],
  [{ replicas: 2, ordinals: { start: 5 }, reserveOrdinals: ["6"] }, [5, 7]],
  [{ replicas: 0 }, []],
])("of %j the ordinals %j are wanted", (spec, wanted) => {
  const { isWanted } = readOrdinals(spec);
  expect(Array.from({ length: 12 }, (_, ordinal) => ordinal).filter((ordinal) => isWanted(ordinal))).toEqual(wanted);
});
