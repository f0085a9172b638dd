import { mkdtemp, open, rm, writeFile, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { filePieces } from "../../../src/local/read/file-pieces.ts";

const MEBIBYTE = 1024 * 1024;
const BYTES = Buffer.alloc(3 * MEBIBYTE + 5, "0123456789abcde");

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kinsync-pieces-"));
  path = join(folder, "f");
  await writeFile(path, BYTES);
});
afterEach(() => rm(folder, { recursive: true }));

/** The file, and the number of reads that have begun and not ended. */
async function counted(): Promise<{ readonly handle: FileHandle; readonly reads: { open: number; all: number } }> {
  const handle = await open(path);
  const reads = { open: 0, all: 0 };
  const read: unknown = Reflect.get(handle, "read");
  if (typeof read !== "function") throw new Error("a file cannot be read");
  Object.defineProperty(handle, "read", {
    value: async (...options: unknown[]): Promise<unknown> => {
      reads.open += 1;
      reads.all += 1;
      try {
        return await Reflect.apply(read, handle, options);
      } finally {
        reads.open -= 1;
      }
    },
  });
  return { handle, reads };
}

async function all(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const piece of pieces) read.push(piece);
  return Buffer.concat(read);
}

test("the pieces are the bytes of the file, and no more than the limit", async () => {
  const { handle, reads } = await counted();
  expect((await all(filePieces(handle, BYTES.length + 1))).equals(BYTES)).toBe(true);
  expect((await all(filePieces(handle, 10))).equals(BYTES.subarray(0, 10))).toBe(true);
  expect(await all(filePieces(handle, 0))).toHaveLength(0);
  expect(reads.open).toBe(0);
  await handle.close();
});

test("the next piece is read while the caller works on one", async () => {
  const { handle, reads } = await counted();
  const pieces = filePieces(handle, BYTES.length);
  await pieces.next();
  expect(reads.all).toBe(2);
  await pieces.return();
  expect(reads).toEqual({ open: 0, all: 2 });
  await handle.close();
});

test("an abort ends the reading with its reason, and no read is under way then", async () => {
  const { handle, reads } = await counted();
  const abort = new AbortController();
  const pieces = filePieces(handle, BYTES.length, abort.signal);
  await pieces.next();
  abort.abort(new Error("enough"));
  await expect(pieces.next()).rejects.toThrow("enough");
  expect(reads.open).toBe(0);
  await handle.close();
});
