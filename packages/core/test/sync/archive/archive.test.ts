import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { extract } from "tar-stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createArchive, type PackedEntry } from "../../../src/sync/archive/archive.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kinsync-test-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function entryOf(path: string, bytes: Buffer, mode = 0o644): Promise<PackedEntry> {
  const digest = createHash("sha256").update(bytes).digest("hex");
  await writeFile(join(folder, digest), bytes);
  sources.set(path, join(folder, digest));
  return { op: "file", path, mode, size: bytes.length, digest };
}
const sources = new Map<string, string>();
const sourceOf = (path: string): string => sources.get(path) ?? join(folder, "missing");
const never = new AbortController().signal;

async function bytesOf(archive: { chunks(signal: AbortSignal): AsyncIterable<Uint8Array> }): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive.chunks(never)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

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
        const entries = await Promise.all(files.map(([path, bytes]) => entryOf(path, Buffer.from(bytes))));
        await using archive = createArchive(entries, { sourceOf });
        const bytes = await bytesOf(archive);
        expect(bytes.length).toBe(archive.size);
        const names = (await unpacked(bytes)).map((entry) => entry.name);
        expect(names).toEqual(files.map(([path]) => path));
      },
    ),
    { numRuns: 60 },
  );
});

test("folders, links, modes and bytes come out as they went in, and twice the same", async () => {
  const long = `deep/${"x".repeat(90)}/${"y".repeat(90)}`;
  const entries: PackedEntry[] = [
    { op: "directory", path: "deep", mode: 0o750 },
    await entryOf("deep/run.sh", Buffer.from("#!/bin/sh\n"), 0o755),
    { op: "link", path: "deep/latest", target: `../${long}` },
    { op: "link", path: "ü", target: "ä" },
    await entryOf(long, Buffer.alloc(70_000, 7)),
  ];
  await using first = createArchive(entries, { sourceOf });
  await using second = createArchive(entries, { sourceOf });
  const bytes = await bytesOf(first);
  expect((await bytesOf(second)).equals(bytes)).toBe(true);
  expect(await unpacked(bytes)).toEqual([
    { name: "deep", type: "directory", mode: 0o750, body: "" },
    { name: "deep/run.sh", type: "file", mode: 0o755, body: Buffer.from("#!/bin/sh\n").toString("base64") },
    { name: "deep/latest", type: "symlink", mode: 0o777, body: `../${long}` },
    { name: "ü", type: "symlink", mode: 0o777, body: "ä" },
    { name: long, type: "file", mode: 0o644, body: Buffer.alloc(70_000, 7).toString("base64") },
  ]);
});

test("a large archive is spooled to disk, read by several at once, and leaves nothing behind", async () => {
  const spool = await mkdtemp(join(folder, "spool-"));
  const big = Buffer.alloc(20 * 1024 * 1024, "kinsync");
  const entries = [await entryOf("big", big)];
  const archive = createArchive(entries, { sourceOf, spool });
  const [one, two] = await Promise.all([bytesOf(archive), bytesOf(archive)]);
  expect(one.length).toBe(archive.size);
  expect(one.equals(two)).toBe(true);
  expect(one.subarray(512, 512 + big.length).equals(big)).toBe(true);
  await archive[Symbol.asyncDispose]();
  expect(await readdir(spool)).toEqual([]);
});

test.each([
  ["a small file", 10],
  ["a big file", 400_000],
])("%s that changed since it was looked at fails the archive for every reader", async (_, size) => {
  const entry = await entryOf("a", Buffer.alloc(size, 1));
  await writeFile(sourceOf("a"), Buffer.alloc(size, 2));
  await using archive = createArchive([entry], { sourceOf });
  await expect(bytesOf(archive)).rejects.toMatchObject({ code: "KINSYNC_SOURCE_UNREADABLE", retry: "retry" });
  await expect(archive.packed).rejects.toThrow("changed while it was being packed");
});

test("a file that is gone fails the archive with its path", async () => {
  await using archive = createArchive([{ op: "file", path: "a", mode: 0o644, size: 1, digest: "00" }], {
    sourceOf: () => join(folder, "no"),
  });
  await expect(archive.packed).rejects.toThrow(join(folder, "no"));
});
