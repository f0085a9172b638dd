import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestFile } from "../../../src/local/read/digest.ts";

const MEBIBYTE = 1024 * 1024;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kinsync-digest-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("a large file that was moved a moment ago is not read again by the next scan", async () => {
  const path = join(folder, "model.bin");
  await writeFile(join(folder, "new"), Buffer.alloc(5 * MEBIBYTE, 1));
  await rename(join(folder, "new"), path);
  expect(await digestFile(path, AbortSignal.timeout(10_000))).toMatchObject({ racy: false });
});

test("a smaller file that was written a moment ago is read again", async () => {
  const path = join(folder, "f");
  await writeFile(path, Buffer.alloc(MEBIBYTE / 2, 1));
  // On a slow machine a tick may pass before the file is opened.
  await expect
    .poll(
      async () => {
        await writeFile(path, Buffer.alloc(MEBIBYTE / 2, 2));
        return (await digestFile(path, AbortSignal.timeout(10_000)))?.racy;
      },
      { timeout: 10_000 },
    )
    .toBe(true);
});
