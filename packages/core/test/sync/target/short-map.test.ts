import fc from "fast-check";
import { expect, test } from "vitest";
import { ShortMap } from "../../../src/sync/target/short-map.ts";

const step = fc.oneof(
  fc.record({ op: fc.constant("set" as const), key: fc.nat(4), value: fc.nat() }),
  fc.record({ op: fc.constant("delete" as const), key: fc.nat(4), value: fc.constant(0) }),
);

test("it holds what a Map holds", () => {
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const [short, map] = [new ShortMap<number, number>(), new Map<number, number>()];
      for (const { op, key, value } of steps) {
        if (op === "set") {
          short.set(key, value);
          map.set(key, value);
        } else {
          short.delete(key);
          map.delete(key);
        }
      }
      for (let key = 0; key <= 4; key += 1) expect(short.get(key)).toBe(map.get(key));
    }),
  );
});
