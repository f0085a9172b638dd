import { mkdir, mkdtemp, open, readdir, rm, writeFile, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Spool } from "../../../src/sync/archive/spool.ts";
import { systemError } from "./support/entries.ts";

const MEBIBYTE = 1024 * 1024;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kinsync-test-"));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

/** The prototype of all file handles of this process. Tests make its methods fail. */
async function fileHandles(): Promise<FileHandle> {
  await using file = await open(join(folder, "probe"), "w");
  return Object.getPrototypeOf(file) as FileHandle;
}

test("bytes are read at the position where they were written", async () => {
  await using spool = await Spool.open(10, folder);
  await spool.write(Buffer.from("world"), 5);
  await spool.write(Buffer.from("hello"), 0);
  expect(Buffer.from(await spool.read(3, 4)).toString()).toBe("lowo");
});

test("a missing folder is named, and works once it exists", async () => {
  const missing = join(folder, "no", "such");
  await expect(Spool.open(64 * MEBIBYTE, missing)).rejects.toMatchObject({
    code: "KINSYNC_SOURCE_SPOOL",
    retry: "retry",
    message: `${missing}, the temporary folder of this machine, cannot hold the 64 MiB to send: it does not exist`,
    hint: expect.stringContaining("TMPDIR") as string,
  });
  await mkdir(missing, { recursive: true });
  await using spool = await Spool.open(64 * MEBIBYTE, missing);
  await spool.write(Buffer.from("x"), 0);
});

test("a temporary folder that is a file is named", async () => {
  const file = join(folder, "file");
  await writeFile(file, "");
  await expect(Spool.open(1, file)).rejects.toMatchObject({
    code: "KINSYNC_SOURCE_SPOOL",
    message: expect.stringContaining("a parent is not a folder") as string,
  });
});

test.each([
  ["ENOSPC", "no space left on the disk"],
  ["EDQUOT", "the disk quota is used up"],
  ["EIO", "the disk reported an input/output error"],
  ["EROFS", "the file system is read-only"],
])("a write that fails with %s names folder and amount", async (code, why) => {
  await using spool = await Spool.open(64 * MEBIBYTE, folder);
  vi.spyOn(await fileHandles(), "write").mockRejectedValueOnce(systemError(code));
  await expect(spool.write(Buffer.alloc(10), 0)).rejects.toMatchObject({
    code: "KINSYNC_SOURCE_SPOOL",
    retry: "retry",
    message: `${folder}, the temporary folder of this machine, cannot hold the 64 MiB to send: ${why}`,
  });
});

test("after a partial write the rest is written", async () => {
  await using spool = await Spool.open(10, folder);
  vi.spyOn(await fileHandles(), "write").mockImplementationOnce(function (this: FileHandle, ...args: unknown[]) {
    const [bytes, , , position] = args as [Uint8Array, number, number, number];
    return this.writev([bytes.subarray(0, 3)], position) as never;
  });
  await spool.write(Buffer.from("0123456789"), 0);
  expect(Buffer.from(await spool.read(0, 10)).toString()).toBe("0123456789");
});

test("a write of no bytes counts as a full disk", async () => {
  await using spool = await Spool.open(10, folder);
  vi.spyOn(await fileHandles(), "write").mockResolvedValueOnce({ bytesWritten: 0, buffer: "" });
  await expect(spool.write(Buffer.alloc(10), 0)).rejects.toThrow("no space left on the disk");
});

test("a failed read and a shortened file are errors of the folder", async () => {
  await using spool = await Spool.open(10, folder);
  await spool.write(Buffer.from("01234"), 0);
  await expect(spool.read(0, 10)).rejects.toMatchObject({
    code: "KINSYNC_SOURCE_SPOOL",
    message: expect.stringContaining("the file has only 5 bytes") as string,
  });
  vi.spyOn(await fileHandles(), "read").mockRejectedValueOnce(systemError("EIO", "read"));
  await expect(spool.read(0, 5)).rejects.toMatchObject({ code: "KINSYNC_SOURCE_SPOOL" });
});

test("nothing is left in the folder after a spool is disposed of", async () => {
  const spool = await Spool.open(10, folder);
  await spool[Symbol.asyncDispose]();
  expect(await readdir(folder)).toEqual([]);
});
