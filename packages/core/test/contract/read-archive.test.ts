import { expect, test } from "vitest";
import { readArchive } from "../../src/contract/read-archive.ts";
import type { Batch } from "../../src/contract/batch.ts";
import { createBatch } from "../../src/testing/index.ts";

const root = { path: "/r", shape: "directory", key: "k" } as const;
const signal = AbortSignal.timeout(600_000);

async function filesOf(batch: Pick<Batch, "archive" | "entries">): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const open = new Set<string>();
  for await (const { entry, bytes, isLast } of readArchive(batch, signal)) {
    files[entry.path] = (files[entry.path] ?? "") + Buffer.from(bytes).toString();
    open.add(entry.path);
    if (isLast) open.delete(entry.path);
  }
  expect([...open]).toEqual([]);
  return files;
}

test("every file of a batch arrives with its bytes: empty, large, with a long name, between folders and links", async () => {
  const large = Buffer.alloc(200_000, "0123456789abcdef\n").toString();
  const batch = await createBatch(root, [
    { remove: "old" },
    { directory: "d" },
    { file: "d/empty", bytes: "" },
    { file: "ü".repeat(80), bytes: "first" },
    { link: "l", target: "d" },
    { file: "large", bytes: large },
    { chmod: "x", mode: 0o755 },
    { file: "last", bytes: "" },
  ]);
  expect(await filesOf(batch)).toEqual({ "d/empty": "", ["ü".repeat(80)]: "first", large, last: "" });
});

test("an archive without a file of the batch is an internal error that names the file", async () => {
  const { archive } = await createBatch(root, [{ file: "a", bytes: "1" }]);
  const { entries } = await createBatch(root, [
    { file: "a", bytes: "1" },
    { file: "b", bytes: "2" },
  ]);
  await expect(filesOf({ archive, entries })).rejects.toMatchObject({
    code: "KINSYNC_INTERNAL",
    message: expect.stringContaining("does not hold b") as string,
  });
});

test("an archive with more bytes than the batch says is an internal error", async () => {
  const { archive } = await createBatch(root, [{ file: "a", bytes: "12" }]);
  const { entries } = await createBatch(root, [{ file: "a", bytes: "1" }]);
  await expect(filesOf({ archive, entries })).rejects.toMatchObject({ code: "KINSYNC_INTERNAL" });
});
