import { randomBytes, randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";
import { applyPatch, BLOCK_BYTES, findPatch, findPatchBy, signatureOf } from "./support/patch.ts";

const former = randomBytes(64 * BLOCK_BYTES + 300);

function edited(...at: readonly number[]): Buffer {
  const file = Buffer.from(former);
  for (const offset of at) file[offset] = (file[offset] ?? 0) ^ 0xff;
  return file;
}

describe("a file that changed", () => {
  test.each<[string, Buffer, number]>([
    ["not at all has its last part as new bytes, which no block covers", Buffer.from(former), 300],
    ["in one place", edited(10_000), BLOCK_BYTES + 300],
    ["in three places", edited(0, 20_000, 50_000), 3 * BLOCK_BYTES + 300],
    ["by an appendix", Buffer.concat([former, Buffer.alloc(500, 7)]), 800],
    ["by an insertion at its beginning", Buffer.concat([Buffer.from("xyz"), former]), 303],
    [
      "by an insertion in its middle",
      Buffer.concat([former.subarray(0, 30_000), Buffer.from("xyz"), former.subarray(30_000)]),
      BLOCK_BYTES + 303,
    ],
    [
      "by a deletion",
      Buffer.concat([former.subarray(0, 10 * BLOCK_BYTES), former.subarray(12 * BLOCK_BYTES + 17)]),
      BLOCK_BYTES - 17 + 300,
    ],
    [
      "by an exchange of its halves",
      Buffer.concat([former.subarray(32 * BLOCK_BYTES), former.subarray(0, 32 * BLOCK_BYTES)]),
      300,
    ],
    ["to a part of it", Buffer.from(former.subarray(5_000, 40_000)), 2 * BLOCK_BYTES],
  ])("%s: few bytes are new", (_name, file, newBytes) => {
    const patch = findPatch(former, file);
    if (patch === undefined) throw new Error("no patch");
    expect(applyPatch(patch, former, file).equals(file)).toBe(true);
    expect(patch.newBytes).toBeLessThanOrEqual(newBytes);
  });

  test("to something else: there is no patch", () => {
    expect(findPatch(former, randomBytes(former.length), 700, 0.5)).toBe(undefined);
  });

  test("of equal blocks: they are found, and no search slows down", () => {
    const [zeros, more] = [Buffer.alloc(40 * BLOCK_BYTES), Buffer.alloc(90 * BLOCK_BYTES + 5)];
    const patch = findPatch(zeros, more);
    if (patch === undefined) throw new Error("no patch");
    expect(applyPatch(patch, zeros, more).equals(more)).toBe(true);
    expect(patch.newBytes).toBe(5);
  });
});

test("whatever changes, and however the file is cut, the patch makes the file", () => {
  for (let turn = 0; turn < 200; turn += 1) {
    const pieces: Buffer[] = [];
    for (let count = randomInt(1, 12); count > 0; count -= 1) {
      const from = randomInt(0, former.length);
      pieces.push(
        randomInt(4) === 0 ? randomBytes(randomInt(0, 3_000)) : former.subarray(from, from + randomInt(0, 9_000)),
      );
    }
    const file = Buffer.concat(pieces);
    const patch = findPatch(former, file, randomInt(1, 6_000));
    if (patch === undefined) throw new Error("no patch");
    expect(applyPatch(patch, former, file).equals(file)).toBe(true);
    expect(patch.parts.reduce((sum, { size }) => sum + size, 0)).toBe(file.length);
  }
});

describe("a file whose transfer broke", () => {
  const file = Buffer.concat([randomBytes(20 * BLOCK_BYTES), former, randomBytes(20 * BLOCK_BYTES)]);

  test.each([0, 1, 2_000, 30_000, file.length])("continues behind the %s bytes that arrived", (arrived) => {
    const kept = file.subarray(0, arrived);
    const sums = { blockBytes: BLOCK_BYTES, former: "", kept: signatureOf(kept)?.former ?? "" };
    const patch = findPatchBy(sums, file);
    if (patch === undefined) throw new Error("no patch");
    expect(applyPatch(patch, Buffer.alloc(0), file, kept).equals(file)).toBe(true);
    expect(patch.newBytes).toBeLessThan(file.length - arrived + BLOCK_BYTES);
  });

  test("continues with what it has in common with the file that is there", () => {
    const kept = file.subarray(0, 10 * BLOCK_BYTES);
    const sums = {
      blockBytes: BLOCK_BYTES,
      former: signatureOf(former)?.former ?? "",
      kept: signatureOf(kept)?.former ?? "",
    };
    const patch = findPatchBy(sums, file);
    if (patch === undefined) throw new Error("no patch");
    expect(applyPatch(patch, former, file, kept).equals(file)).toBe(true);
    expect(patch.newBytes).toBeLessThan(32 * BLOCK_BYTES);
  });

  test("starts anew where other bytes were kept", () => {
    const kept = randomBytes(10 * BLOCK_BYTES);
    const patch = findPatchBy({ blockBytes: BLOCK_BYTES, former: "", kept: signatureOf(kept)?.former ?? "" }, file);
    expect(patch?.newBytes).toBe(file.length);
  });
});

test("a file without a whole block has no signature", () => {
  expect(signatureOf(Buffer.alloc(BLOCK_BYTES - 1))).toBe(undefined);
});
