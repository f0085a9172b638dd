import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { RollingSum, SumFilter } from "../../src/blocks/rolling-sum.ts";

const NOTHING = new SumFilter();

test("the sum of a text is its adler32", () => {
  const sum = new RollingSum(9);
  sum.reset(Buffer.from("Wikipedia"));
  expect([sum.high, sum.low]).toEqual([0x11e6, 0x0398]);
});

test.each([
  ["random bytes", randomBytes(3_000)],
  ["bytes of 255", Buffer.alloc(3_000, 255)],
  ["zeros, then bytes of 255", Buffer.concat([Buffer.alloc(1_500), Buffer.alloc(1_500, 255)])],
])("a window that moves over %s has the sum of the bytes in it", (_name, bytes) => {
  const windowBytes = 700;
  const [rolled, fresh] = [new RollingSum(windowBytes), new RollingSum(windowBytes)];
  rolled.reset(bytes.subarray(0, windowBytes));
  for (let at = 1; at + windowBytes <= bytes.length; at += 1) {
    rolled.roll(bytes, at - 1, at, NOTHING);
    fresh.reset(bytes.subarray(at, at + windowBytes));
    if (rolled.low !== fresh.low || rolled.high !== fresh.high) throw new Error(`differs at ${at}`);
  }
  expect(rolled.low).toBe(fresh.low);
});

test("a window of 2 MiB with the largest bytes does not overflow", () => {
  const bytes = Buffer.alloc(2 * 1024 * 1024 + 1, 255);
  const windowBytes = bytes.length - 1;
  const [rolled, fresh] = [new RollingSum(windowBytes), new RollingSum(windowBytes)];
  rolled.reset(bytes.subarray(0, windowBytes));
  rolled.roll(bytes, 0, 1, NOTHING);
  fresh.reset(bytes.subarray(1));
  expect([rolled.low, rolled.high]).toEqual([fresh.low, fresh.high]);
});

test("a window stops where its sum is one of the filter", () => {
  const bytes = randomBytes(3_000);
  const [rolled, wanted] = [new RollingSum(700), new RollingSum(700)];
  rolled.reset(bytes.subarray(0, 700));
  wanted.reset(bytes.subarray(1_234, 1_934));
  const filter = new SumFilter();
  filter.add(wanted.high, wanted.low);
  // Another sum may share its slot.
  let at = 0;
  while (at < 2_300 && (at === 0 || rolled.high !== wanted.high)) at = rolled.roll(bytes, at, 2_300, filter);
  expect(at).toBe(1_234);
});
