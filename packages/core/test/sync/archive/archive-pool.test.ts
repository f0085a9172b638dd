import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BatchEntry } from "../../../src/contract/transport.ts";
import { ArchivePool } from "../../../src/sync/archive/archive-pool.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kinsync-test-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function fileEntry(bytes: Buffer): BatchEntry {
  const digest = createHash("sha256").update(bytes).digest("hex");
  return { op: "file", path: "f", mode: 0o644, size: bytes.length, digest };
}

async function read(archive: { chunks(signal: AbortSignal): AsyncIterable<Uint8Array> }): Promise<number> {
  let size = 0;
  for await (const chunk of archive.chunks(new AbortController().signal)) size += chunk.length;
  return size;
}

test.each([
  ["held in memory", 2],
  ["spooled to disk", 17],
])(
  "a failed archive, %s, is packed anew for whoever comes next, and leaves nothing behind",
  async (_where, mebibytes) => {
    const source = join(folder, "source");
    const bytes = Buffer.alloc(mebibytes * 1024 * 1024, "a");
    const spool = await mkdtemp(join(folder, "spool-"));
    const pool = new ArchivePool({ spool });
    const entries = [fileEntry(bytes)];
    const sourceOf = (): string => source;
    // Two targets want it while the file is not there yet; the first still holds its share.
    using first = await pool.lease(entries, sourceOf);
    await expect(read(first.archive)).rejects.toMatchObject({ code: "KINSYNC_SOURCE_UNREADABLE" });
    await writeFile(source, bytes);
    using second = await pool.lease(entries, sourceOf);
    expect(await read(second.archive)).toBe(second.archive.size);
    await pool[Symbol.asyncDispose]();
    expect(await readdir(spool)).toEqual([]);
  },
);
