import { expect, test } from "vitest";
import type { PieceEncoding } from "../../../src/contract/transport.ts";
import { EncodingChoice, type Way } from "../../../src/sync/archive/encoding-choice.ts";

const MEBIBYTE = 1024 * 1024;
/** 20 Mbit/s. */
const SLOW = 2_500_000;

/** A choice after one piece of text, which gzip made 0.4 times as large. */
function afterText(best: PieceEncoding, way: Way): EncodingChoice {
  const choice = new EncodingChoice(best);
  expect(choice.next(way)).toBe("gzip");
  choice.note("gzip", { bytes: 128 * 1024, packedBytes: 52 * 1024, ms: 6 }, way);
  return choice;
}

test.each<[PieceEncoding, number | undefined, number, PieceEncoding | undefined]>([
  ["brotli", SLOW, 1, "brotli"],
  // A link so fast that the encoder would not keep up.
  ["brotli", 12_500_000, 1, "gzip"],
  // Readers share the link: what is sent counts five times, what is compressed once.
  ["brotli", 12_500_000, 5, "brotli"],
  ["gzip", SLOW, 5, "gzip"],
  // Not measured yet, and without a limit.
  ["brotli", undefined, 5, "gzip"],
  ["brotli", Infinity, 5, undefined],
])("readers that know %s, over %s bytes a second, %i of them: %s", (best, bytesPerSecond, readers, expected) => {
  const way = { bytesPerSecond, readers };
  expect(afterText(best, way).next(way)).toBe(expected);
});

test("a machine that turns out to be slow goes back to gzip, and a single slow piece changes nothing", () => {
  const way = { bytesPerSecond: SLOW, readers: 1 };
  const choice = afterText("brotli", way);
  const slow = { bytes: MEBIBYTE, packedBytes: 0.3 * MEBIBYTE, ms: 5_000 };
  choice.note("brotli", slow, way);
  expect(choice.next(way)).toBe("brotli");
  choice.note("brotli", slow, way);
  choice.note("brotli", slow, way);
  expect(choice.next(way)).toBe("gzip");
});

test("bytes that hardly become smaller are sent as they are, and so are the next seven pieces", () => {
  const way = { bytesPerSecond: SLOW, readers: 1 };
  const choice = afterText("brotli", way);
  expect(choice.note("brotli", { bytes: MEBIBYTE, packedBytes: MEBIBYTE, ms: 60 }, way)).toBe(false);
  for (let piece = 0; piece < 7; piece += 1) expect(choice.next(way)).toBeUndefined();
  expect(choice.next(way)).toBeDefined();
});
