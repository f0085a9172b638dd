import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { extract } from "tar-stream";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ContentStore } from "../../../src/mapping/content-store.ts";
import { memoryContent } from "../../../src/mapping/memory-content.ts";
import { createArchive } from "../../../src/sync/archive/archive.ts";
import type { PackedEntry } from "../../../src/sync/archive/tar.ts";
import { bytesOf, fileEntry, never, storeOf, systemError } from "./support/entries.ts";

async function unpacked(bytes: Buffer): Promise<{ name: string; type: string; mode: number; body: string }[]> {
  const found: { name: string; type: string; mode: number; body: string }[] = [];
  const tar = Readable.from([bytes]).pipe(extract() as unknown as NodeJS.WritableStream & AsyncIterable<never>);
  for await (const entry of tar as unknown as AsyncIterable<
    AsyncIterable<Buffer> & { header: { name: string; type: string; mode: number; linkname?: string } }
  >) {
    const parts: Buffer[] = [];
    for await (const part of entry) parts.push(part);
    const { name, type, mode, linkname } = entry.header;
    found.push({
      name,
      type,
      mode,
      body: type === "symlink" ? (linkname ?? "") : Buffer.concat(parts).toString("base64"),
    });
  }
  return found;
}

test("the size is known before the bytes are, for any names and sizes", async () => {
  const name = fc
    .array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 120 }), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.map((part) => part.replaceAll(/[/\0]/g, "_")).join("/"));
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(name, fc.uint8Array({ maxLength: 2000 })), { selector: ([path]) => path, maxLength: 5 }),
      async (files) => {
        const entries = files.map(([path, bytes]) => fileEntry(path, bytes));
        await using archive = createArchive(entries, { content: memoryContent(files.map(([, bytes]) => bytes)) });
        const bytes = await bytesOf(archive);
        expect(bytes.length).toBe(archive.size);
        const names = (await unpacked(bytes)).map((entry) => entry.name);
        expect(names).toEqual(files.map(([path]) => path));
      },
    ),
    { numRuns: 60 },
  );
});

test("folders, links, modes and bytes are packed unchanged, and packing twice gives the same bytes", async () => {
  const long = `deep/${"x".repeat(90)}/${"y".repeat(90)}`;
  const script = Buffer.from("#!/bin/sh\n");
  const large = Buffer.alloc(70_000, 7);
  const entries: PackedEntry[] = [
    { op: "directory", path: "deep", mode: 0o750 },
    fileEntry("deep/run.sh", script, 0o755),
    { op: "link", path: "deep/latest", target: `../${long}` },
    { op: "link", path: "ü", target: "ä" },
    fileEntry(long, large),
    fileEntry("empty", Buffer.alloc(0)),
  ];
  await using first = createArchive(entries, { content: memoryContent([script, large]) });
  await using second = createArchive(entries, { content: memoryContent([large, script]) });
  const bytes = await bytesOf(first);
  expect((await bytesOf(second)).equals(bytes)).toBe(true);
  expect(await unpacked(bytes)).toEqual([
    { name: "deep", type: "directory", mode: 0o750, body: "" },
    { name: "deep/run.sh", type: "file", mode: 0o755, body: script.toString("base64") },
    { name: "deep/latest", type: "symlink", mode: 0o777, body: `../${long}` },
    { name: "ü", type: "symlink", mode: 0o777, body: "ä" },
    { name: long, type: "file", mode: 0o644, body: large.toString("base64") },
    { name: "empty", type: "file", mode: 0o644, body: "" },
  ]);
});

test("the bytes of a file may arrive in chunks of any length", async () => {
  const bytes = Buffer.alloc(300_000, "kinsync");
  for (const size of [10, 300_000]) {
    const part = bytes.subarray(0, size);
    const content = storeOf([part.subarray(0, 3), part.subarray(3, 3), part.subarray(3)]);
    await using archive = createArchive([fileEntry("a", part)], { content });
    expect((await bytesOf(archive)).subarray(512, 512 + size).equals(part)).toBe(true);
  }
});

test("a large archive goes to a temporary file, serves several readers at once, and leaves nothing behind", async () => {
  const spool = await mkdtemp(join(tmpdir(), "kinsync-test-"));
  onTestFinished(() => rm(spool, { recursive: true, force: true }));
  const large = Buffer.alloc(20 * 1024 * 1024, "kinsync");
  const archive = createArchive([fileEntry("large", large)], { content: memoryContent([large]), spool });
  const [one, two] = await Promise.all([bytesOf(archive), bytesOf(archive)]);
  expect(one.length).toBe(archive.size);
  expect(one.equals(two)).toBe(true);
  expect(one.subarray(512, 512 + large.length).equals(large)).toBe(true);
  await archive[Symbol.asyncDispose]();
  expect(await readdir(spool)).toEqual([]);
});

test.skipIf(process.platform === "win32")("the temporary file has no name while it is used", async () => {
  const spool = await mkdtemp(join(tmpdir(), "kinsync-test-"));
  onTestFinished(() => rm(spool, { recursive: true, force: true }));
  const large = Buffer.alloc(17 * 1024 * 1024);
  await using archive = createArchive([fileEntry("large", large)], { content: memoryContent([large]), spool });
  await archive.packed;
  expect(await readdir(spool)).toEqual([]);
  expect((await bytesOf(archive)).length).toBe(archive.size);
});

test.each([
  ["a small file", 10],
  ["a large file", 400_000],
])("%s that the store no longer has fails the archive for every reader", async (_, size) => {
  await using archive = createArchive([fileEntry("a", Buffer.alloc(size, 1))], { content: memoryContent([]) });
  const failure = { code: "KINSYNC_SOURCE_CHANGED", retry: "retry" };
  await expect(bytesOf(archive)).rejects.toMatchObject(failure);
  await expect(bytesOf(archive)).rejects.toMatchObject(failure);
  await expect(archive.packed).rejects.toMatchObject(failure);
});

test.each([
  ["fewer", 9, "it has shrunk"],
  ["more", 11, "it has grown"],
])("a store that yields %s bytes than announced fails the archive and names the file", async (_, length, why) => {
  for (const size of [10, 400_010]) {
    const entry = fileEntry("src/app.py", Buffer.alloc(size));
    await using archive = createArchive([entry], { content: storeOf([Buffer.alloc(size - 10 + length)]) });
    await expect(archive.packed).rejects.toMatchObject({
      code: "KINSYNC_SOURCE_CHANGED",
      message: `src/app.py changed on this machine while it was being sent: ${why}`,
    });
  }
});

test.each([
  ["EIO", "the disk reported an input/output error"],
  ["EACCES", "permission denied"],
  ["EMFILE", "too many open files"],
  ["ESTALE", "ESTALE: something went wrong"],
])("a store that fails with %s fails the archive as an unreadable local file", async (code, why) => {
  for (const size of [10, 400_000]) {
    const content = storeOf([Buffer.alloc(5)], systemError(code, "read"));
    await using archive = createArchive([fileEntry("src/app.py", Buffer.alloc(size))], { content });
    await expect(archive.packed).rejects.toMatchObject({
      code: "KINSYNC_SOURCE_UNREADABLE",
      retry: "retry",
      message: `src/app.py cannot be read on this machine: ${why}`,
    });
  }
});

describe("a store that never answers", () => {
  const hanging: ContentStore = {
    open: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }),
  };
  const entry = fileEntry("a", Buffer.alloc(400_000));

  test("a reader ends with its signal", async () => {
    await using archive = createArchive([entry], { content: hanging });
    const stop = new AbortController();
    const reading = bytesOf(archive, stop.signal);
    stop.abort(new Error("newer files are there"));
    await expect(reading).rejects.toThrow("newer files are there");
  });

  test("disposing does not wait for it, and ends the readers", async () => {
    const archive = createArchive([entry], { content: hanging });
    const reading = bytesOf(archive, never);
    reading.catch(() => {});
    await archive[Symbol.asyncDispose]();
    await expect(reading).rejects.toThrow("disposed");
  });
});

test("other work goes on while many small files are packed, and a reader gets the first bytes before the last are read", async () => {
  const READ_MS = 2;
  const FILES = 100;
  const bytes = Buffer.alloc(1_024, 7);
  let read = 0;
  const slow: ContentStore = {
    async *open() {
      for (const begun = performance.now(); performance.now() - begun < READ_MS;);
      read += 1;
      yield bytes;
    },
  };
  let turns = 0;
  const tick = setInterval(() => (turns += 1), 1);
  onTestFinished(() => clearInterval(tick));
  const entries = Array.from({ length: FILES }, (_, at) => fileEntry(`f${at}`, bytes));
  await using archive = createArchive(entries, { content: slow });
  let readBefore: number | undefined;
  for await (const chunk of archive.chunks(never)) readBefore ??= chunk.length > 0 ? read : undefined;
  expect(read).toBe(FILES);
  expect(turns).toBeGreaterThan(5);
  expect(readBefore).toBeLessThan(FILES);
});
