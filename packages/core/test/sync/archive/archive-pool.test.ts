import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { memoryContent } from "../../../src/mapping/memory-content.ts";
import { ArchivePool } from "../../../src/sync/archive/archive-pool.ts";
import { bytesOf, fileEntry } from "./support/entries.ts";

test.each([
  ["in memory", 2],
  ["in a temporary file", 17],
])("a failed archive %s is packed again by the next lease and leaves nothing behind", async (_where, mebibytes) => {
  const spool = await mkdtemp(join(tmpdir(), "kinsync-test-"));
  onTestFinished(() => rm(spool, { recursive: true, force: true }));
  const bytes = Buffer.alloc(mebibytes * 1024 * 1024, "a");
  const pool = new ArchivePool({ spool });
  const entries = [fileEntry("f", bytes)];
  // The first target still holds its share when the second one leases.
  using first = await pool.lease(entries, memoryContent([]));
  await expect(bytesOf(first.archive)).rejects.toMatchObject({ code: "KINSYNC_SOURCE_CHANGED" });
  using second = await pool.lease(entries, memoryContent([bytes]));
  expect((await bytesOf(second.archive)).length).toBe(second.archive.size);
  await pool[Symbol.asyncDispose]();
  expect(await readdir(spool)).toEqual([]);
});

test("equal entries share one archive, whichever store has their bytes", async () => {
  await using pool = new ArchivePool();
  const bytes = Buffer.from("same");
  let opened = 0;
  const counted = () => ({
    async *open() {
      opened += 1;
      yield bytes;
    },
  });
  using one = await pool.lease([fileEntry("f", bytes)], counted());
  using two = await pool.lease([fileEntry("f", bytes)], counted());
  using other = await pool.lease([fileEntry("f", bytes, 0o755)], counted());
  expect(two.archive).toBe(one.archive);
  expect(other.archive).not.toBe(one.archive);
  expect(opened).toBe(2);
});

test("a lease of a small archive ends with its signal, although the store never answers", async () => {
  await using pool = new ArchivePool();
  const stop = new AbortController();
  const hanging = { open: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }) };
  const leasing = pool.lease([fileEntry("f", Buffer.from("x"))], hanging, stop.signal);
  stop.abort(new Error("the target is gone"));
  await expect(leasing).rejects.toThrow("the target is gone");
});
