import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/**
 * A folder as plain data, for comparisons: relative path to what is there: `folder`, `link -> x`, `file: text`,
 * `program: text` (the owner may execute it). Long or binary content is shown by its length and digest.
 */
export type Picture = Readonly<Record<string, string>>;

/** kinsync's own folder, which is no part of what it carries. */
const STATE = ".kinsync";

/** Bytes above which a file is not read as a whole. */
const LARGE = 1 << 20;

/** What is at a path: a picture of one entry named `.` where it is no folder, `undefined` where there is nothing. */
export async function pictureOf(path: string): Promise<Picture | undefined> {
  const found: [string, string][] = [];
  const stat = await lstat(path).catch(ignoreMissing);
  if (stat === undefined) return undefined;
  if (!stat.isDirectory()) return { ".": await drawEntry(path) };
  await draw(path, "", found);
  return Object.fromEntries(found.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

async function draw(root: string, folder: string, found: [string, string][]): Promise<void> {
  const names = await readdir(join(root, folder)).catch(ignoreMissing);
  for (const name of names ?? []) {
    if (name === STATE) continue;
    const path = folder === "" ? name : `${folder}/${name}`;
    // What vanishes while it is looked at is not there.
    const entry = await drawEntry(join(root, path)).catch(ignoreMissing);
    if (entry === undefined) continue;
    found.push([path, entry]);
    if (entry === "folder") await draw(root, path, found);
  }
}

async function drawEntry(path: string): Promise<string> {
  const stat = await lstat(path);
  if (stat.isDirectory()) return "folder";
  if (stat.isSymbolicLink()) return `link -> ${await readlink(path)}`;
  if (!stat.isFile()) return "something else";
  const executable = (stat.mode & 0o100) !== 0;
  return stat.size > LARGE ? drawLarge(path, executable) : drawFile(await readFile(path), executable);
}

export function drawFile(content: Buffer, executable: boolean): string {
  const text = content.toString();
  if (content.length <= 100 && Buffer.from(text).equals(content)) return `${wordFor(executable)}: ${text}`;
  return describe(content.length, createHash("sha256").update(content), executable);
}

async function drawLarge(path: string, executable: boolean): Promise<string> {
  const hash = createHash("sha256");
  let length = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    length += chunk.length;
    hash.update(chunk);
  }
  return describe(length, hash, executable);
}

function describe(length: number, hash: Hash, executable: boolean): string {
  return `${wordFor(executable)} of ${length} bytes, ${hash.digest("hex").slice(0, 16)}`;
}

function wordFor(executable: boolean): string {
  return executable ? "program" : "file";
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return;
  throw error;
}
