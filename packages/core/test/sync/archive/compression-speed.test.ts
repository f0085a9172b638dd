import { expect, test } from "vitest";
import { CompressionSpeed } from "../../../src/sync/archive/compression-speed.ts";

/** 40 MB/s, a quarter remains. */
const sample = { bytes: 1_000_000, packedBytes: 250_000, ms: 25 };

test.each([
  [2_500_000, true],
  [29_000_000, true],
  [31_000_000, false],
  [Infinity, false],
  [undefined, true],
])("at 40 MB/s, compression to a quarter over %s bytes a second: %s", (bytesPerSecond, pays) => {
  const speed = new CompressionSpeed();
  speed.note(sample);
  expect(speed.paysOver(bytesPerSecond)).toBe(pays);
});

test("without a measurement, compression is tried", () => {
  expect(new CompressionSpeed().paysOver(Infinity)).toBe(true);
});

test("one measurement on a busy machine does not count against a better one", () => {
  const speed = new CompressionSpeed();
  speed.note(sample);
  speed.note({ ...sample, ms: 500 });
  expect(speed.paysOver(2_500_000)).toBe(true);
});
