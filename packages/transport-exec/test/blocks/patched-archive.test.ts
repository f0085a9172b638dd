import { randomBytes } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { TarCursor, type Archive } from "@kinsync/core/contract";
import { createBatch } from "@kinsync/core/testing";
import { patchedArchive } from "../../src/blocks/patched-archive.ts";
import { BLOCK_BYTES, findPatch } from "./support/patch.ts";

const signal = AbortSignal.timeout(20_000);
const root = { path: "root", shape: "directory", key: "k" } as const;
const former = randomBytes(300 * BLOCK_BYTES);
const changed = Buffer.concat([Buffer.from("new"), former, Buffer.from("end")]);

async function bytesOf(archive: Archive): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive.chunks(signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Reads the stream as an agent does: as a tar, in which one member is a patch. */
function unpatch(stream: Buffer, member: number, size: number): Buffer {
  const before = new TarCursor();
  let at = 0;
  while (before.whole < member) before.push(stream.subarray(at, (at += 512)));
  const padding = at - before.position;
  expect(padding).toBe(0);
  // The header of the member.
  while (stream.toString("latin1", at + 156, at + 157) !== "0") at += 512;
  at += 512;
  const parts: Buffer[] = [];
  for (let left = size; left > 0;) {
    const [word, offset = "", length = ""] = stream.toString("latin1", at, at + 40).split(/ +/);
    at += 40;
    const bytes = Number(length);
    left -= bytes;
    if (word === "c") parts.push(former.subarray(Number(offset), Number(offset) + bytes));
    else parts.push(stream.subarray(at, (at += bytes)));
  }
  return Buffer.concat(parts);
}

test("only the content of the patched file is replaced, and the size is known before", async () => {
  const small = { file: "a.txt", bytes: "small" };
  const last = { file: "z.txt", bytes: "last" };
  const batch = await createBatch(root, [small, { file: "m.bin", bytes: changed }, last]);
  const patch = findPatch(former, changed);
  if (patch === undefined) throw new Error("no patch");
  const patched = patchedArchive(batch.archive, new Map([[1, patch]]));
  const stream = await bytesOf(patched);
  expect(stream.length).toBe(patched.size);
  expect(patched.size).toBeLessThan(batch.archive.size / 10);
  expect(unpatch(stream, 1, changed.length).equals(changed)).toBe(true);
  const whole = await bytesOf(batch.archive);
  // What comes before and after is the same, byte by byte.
  expect(stream.subarray(0, 1_024).equals(whole.subarray(0, 1_024))).toBe(true);
  expect(stream.subarray(-2_048).equals(whole.subarray(-2_048))).toBe(true);
});

test("its compressed pieces are the same bytes", async () => {
  const text = Buffer.from("a line of text\n".repeat(200_000));
  const batch = await createBatch(root, [{ file: "m.bin", bytes: Buffer.concat([former, text]) }]);
  const patch = findPatch(former, Buffer.concat([former, text]));
  if (patch === undefined) throw new Error("no patch");
  const patched = patchedArchive(batch.archive, new Map([[0, patch]]));
  const parts: Uint8Array[] = [];
  let sent = 0;
  for await (const { bytes, isGzip } of patched.compressed?.(signal) ?? []) {
    parts.push(isGzip ? gunzipSync(bytes) : bytes);
    sent += bytes.length;
  }
  expect(Buffer.concat(parts).equals(await bytesOf(patched))).toBe(true);
  expect(sent).toBeLessThan(text.length / 10);
});
