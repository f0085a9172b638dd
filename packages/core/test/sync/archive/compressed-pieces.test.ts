import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import type { Archive, CompressedPiece, PieceEncoding } from "../../../src/contract/transport.ts";
import { memoryContent } from "../../../src/mapping/memory-content.ts";
import { ArchivePool } from "../../../src/sync/archive/archive-pool.ts";
import { bytesOf, fileEntry, never, storeOf } from "./support/entries.ts";

const MEBIBYTE = 1024 * 1024;

async function piecesOf(archive: Archive, signal = never): Promise<CompressedPiece[]> {
  const pieces: CompressedPiece[] = [];
  for await (const piece of archive.compressed?.(signal) ?? []) pieces.push(piece);
  return pieces;
}

function plain(pieces: readonly CompressedPiece[]): Buffer {
  return Buffer.concat(
    pieces.map(({ bytes, isGzip, encoding }) => {
      expect(isGzip).toBe(encoding === "gzip");
      if (encoding === undefined) return Buffer.from(bytes);
      return encoding === "gzip" ? gunzipSync(bytes) : brotliDecompressSync(bytes);
    }),
  );
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "kinsync-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test("all readers receive the same compressed pieces, which together are the tar", async () => {
  await using pool = new ArchivePool();
  const files = Array.from({ length: 50 }, (_, index) => Buffer.from(`line ${index}\n`.repeat(8_000)));
  const entries = files.map((bytes, index) => fileEntry(`f${index}`, bytes));
  using one = await pool.lease(entries, memoryContent(files));
  using two = await pool.lease(entries, memoryContent(files));
  const [first, second] = await Promise.all([piecesOf(one.archive), piecesOf(two.archive)]);
  const late = await piecesOf(one.archive);
  expect(plain(first).equals(await bytesOf(one.archive))).toBe(true);
  expect(first.length).toBeGreaterThan(3);
  for (const [index, piece] of first.entries()) {
    expect(piece.isGzip).toBe(true);
    expect(piece.size).toBe(gunzipSync(piece.bytes).length);
    // The very same bytes: compressed once.
    expect(second[index]?.bytes).toBe(piece.bytes);
    expect(late[index]?.bytes).toBe(piece.bytes);
  }
  expect(first.at(-1)?.entries).toBe(50);
  expect(first[0]?.entries).toBeLessThan(20);
});

test("bytes that gzip does not make smaller stay as they are, and text behind them is compressed again", async () => {
  await using pool = new ArchivePool();
  const files = [randomBytes(3 * MEBIBYTE), Buffer.alloc(12 * MEBIBYTE, "text ")];
  const entries = files.map((bytes, index) => fileEntry(`f${index}`, bytes));
  using lease = await pool.lease(entries, memoryContent(files));
  const pieces = await piecesOf(lease.archive);
  expect(pieces[0]?.isGzip).toBe(false);
  expect(pieces.at(-1)?.isGzip).toBe(true);
  expect(plain(pieces).equals(await bytesOf(lease.archive))).toBe(true);
});

test("pieces stay as they are where compression takes longer than it saves, until the link becomes slow", async () => {
  await using pool = new ArchivePool();
  const files = [Buffer.alloc(40 * MEBIBYTE, "line of text\n")];
  const entries = files.map((bytes, index) => fileEntry(`f${index}`, bytes));
  using lease = await pool.lease(entries, memoryContent(files));
  let rate = Infinity;
  const pieces: CompressedPiece[] = [];
  for await (const piece of lease.archive.compressed?.(never, () => rate) ?? []) {
    pieces.push(piece);
    if (pieces.length === 16) rate = 100_000;
  }
  expect(plain(pieces).equals(await bytesOf(lease.archive))).toBe(true);
  // Three small pieces come first, then one that is measured; after seven more, another one is.
  expect(pieces.slice(0, 16).filter(({ isGzip }) => isGzip).length).toBeLessThanOrEqual(5);
  expect(pieces.slice(-8).every(({ isGzip }) => isGzip)).toBe(true);
});

test("the first piece is small, and each is at most twice as large as the one before", async () => {
  await using pool = new ArchivePool();
  const files = [Buffer.alloc(8 * MEBIBYTE, "line of text\n")];
  const entries = files.map((bytes, index) => fileEntry(`f${index}`, bytes));
  using lease = await pool.lease(entries, memoryContent(files));
  const sizes = (await piecesOf(lease.archive)).map(({ size }) => size / MEBIBYTE);
  expect(sizes.slice(0, 5)).toEqual([1 / 8, 1 / 4, 1 / 2, 1, 1]);
});

test("the slowest reader decides whether pieces are compressed", async () => {
  await using pool = new ArchivePool();
  const files = [Buffer.alloc(8 * MEBIBYTE, "line of text\n")];
  const entries = files.map((bytes, index) => fileEntry(`f${index}`, bytes));
  using lease = await pool.lease(entries, memoryContent(files));
  const read = async (rate: number): Promise<CompressedPiece[]> => {
    const pieces: CompressedPiece[] = [];
    for await (const piece of lease.archive.compressed?.(never, () => rate) ?? []) pieces.push(piece);
    return pieces;
  };
  const [slow, fast] = await Promise.all([read(100_000), read(Infinity)]);
  expect(slow.every(({ isGzip }) => isGzip)).toBe(true);
  expect(fast).toEqual(slow);
});

test("readers that can decode brotli share smaller pieces on a slow link, and others receive gzip", async () => {
  await using pool = new ArchivePool();
  const lines = Array.from(
    { length: 150_000 },
    (_, line) => `const name${line % 977} = call(${line}, "${line * 7}");\n`,
  );
  const files = [Buffer.from(lines.join(""))];
  using lease = await pool.lease([fileEntry("f", files[0] as Buffer)], memoryContent(files));
  const read = async (encodings?: readonly PieceEncoding[]): Promise<CompressedPiece[]> => {
    const pieces: CompressedPiece[] = [];
    for await (const piece of lease.archive.compressed?.(never, () => 100_000, encodings) ?? []) pieces.push(piece);
    return pieces;
  };
  const [gzip, one, two] = await Promise.all([read(), read(["gzip", "brotli"]), read(["brotli"])]);
  const expected = await bytesOf(lease.archive);
  for (const pieces of [gzip, one, two]) expect(plain(pieces).equals(expected)).toBe(true);
  expect(new Set(gzip.map(({ encoding }) => encoding))).toEqual(new Set(["gzip"]));
  expect(one.map(({ encoding }) => encoding)).toEqual(["gzip", ...one.slice(1).map(() => "brotli")]);
  for (const [index, { bytes }] of one.entries()) expect(two[index]?.bytes).toBe(bytes);
  const total = (pieces: readonly CompressedPiece[]): number =>
    pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
  expect(total(one)).toBeLessThan(0.85 * total(gzip));
});

test("many compressed bytes go to a temporary file, which is removed with the archive", async () => {
  const spool = await temporaryFolder();
  const pool = new ArchivePool({ spool });
  const bytes = randomBytes(20 * MEBIBYTE);
  using lease = await pool.lease([fileEntry("f", bytes)], memoryContent([bytes]));
  const pieces = await piecesOf(lease.archive);
  expect(plain(pieces).equals(await bytesOf(lease.archive))).toBe(true);
  await pool[Symbol.asyncDispose]();
  expect(await readdir(spool)).toEqual([]);
});

test("a file that changed is thrown to the readers of compressed pieces, too", async () => {
  await using pool = new ArchivePool();
  const bytes = Buffer.alloc(3 * MEBIBYTE, "a");
  using lease = await pool.lease([fileEntry("f", bytes)], storeOf([bytes.subarray(0, 2 * MEBIBYTE)]));
  await expect(piecesOf(lease.archive)).rejects.toMatchObject({ code: "KINSYNC_SOURCE_CHANGED" });
});

test("a reader ends with its signal, and with the disposal of the archive", async () => {
  const pool = new ArchivePool();
  const bytes = Buffer.alloc(3 * MEBIBYTE, "a");
  const hanging = { open: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }) };
  using lease = await pool.lease([fileEntry("f", bytes)], hanging);
  const stop = new AbortController();
  const ends = Promise.allSettled([piecesOf(lease.archive, stop.signal), piecesOf(lease.archive)]);
  stop.abort(new Error("the target is gone"));
  await pool[Symbol.asyncDispose]();
  const [stopped, disposed] = await ends;
  expect(stopped).toMatchObject({ status: "rejected", reason: { message: "the target is gone" } });
  expect(disposed.status).toBe("rejected");
});
