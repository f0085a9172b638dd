import { expect, test } from "vitest";
import { CompressionSpeed } from "../../../src/sync/archive/compression-speed.ts";

/** 40 MB/s, a quarter remains. */
const sample = { bytes: 1_000_000, packedBytes: 250_000, ms: 25 };

function measured(...ms: readonly number[]): CompressionSpeed {
  const speed = new CompressionSpeed();
  for (const each of ms) speed.note({ ...sample, ms: each });
  return speed;
}

test.each([
  [2_500_000, 1, true],
  [29_000_000, 1, true],
  [31_000_000, 1, false],
  [31_000_000, 5, true],
  [151_000_000, 5, false],
  [Infinity, 5, false],
  [undefined, 1, true],
])("at 40 MB/s, compression to a quarter over %s bytes a second to %i readers: %s", (bytesPerSecond, readers, pays) => {
  expect(measured(25, 25, 25).paysOver(bytesPerSecond, readers)).toBe(pays);
});

test("over a link without a limit it is not tried again", () => {
  expect(measured(25).paysOver(Infinity)).toBe(false);
});

test.each([[[]], [[500]], [[500, 500]]])("measurements of %j ms are too few for a no", (ms) => {
  expect(measured(...ms).paysOver(2_500_000)).toBe(true);
  expect(measured(...ms, 500, 500, 500).paysOver(2_500_000)).toBe(false);
});

test("measurements on a busy machine do not count against a better one", () => {
  expect(measured(25, 500, 500).paysOver(2_500_000)).toBe(true);
});
