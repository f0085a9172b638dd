import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/**
 * A folder as plain data, for comparisons: relative path to a description of the entry: `folder`, `link -> x`, `file: text`,
 * `program: text` (its owner may execute it). Long or binary content is described by its length and digest.
 */
export type FileListing = Readonly<Record<string, string>>;

/** kinsync's own folder, which it does not sync. */
const STATE_FOLDER = ".kinsync";

/** Larger files are read as a stream. */
const LARGE_BYTES = 1 << 20;

/** Lists a path. If it is not a folder, the listing has one entry named `.`; `undefined` if nothing exists there. */
export async function listFiles(path: string): Promise<FileListing | undefined> {
  const found: [string, string][] = [];
  const stat = await lstat(path).catch(ignoreMissing);
  if (stat === undefined) return undefined;
  if (!stat.isDirectory()) return { ".": await describeEntry(path) };
  await listFolder(path, "", found);
  return Object.fromEntries(found.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

async function listFolder(root: string, folder: string, found: [string, string][]): Promise<void> {
  const names = await readdir(join(root, folder)).catch(ignoreMissing);
  for (const name of names ?? []) {
    if (name === STATE_FOLDER) continue;
    const path = folder === "" ? name : `${folder}/${name}`;
    // An entry that is deleted meanwhile is not listed.
    const entry = await describeEntry(join(root, path)).catch(ignoreMissing);
    if (entry === undefined) continue;
    found.push([path, entry]);
    if (entry === "folder") await listFolder(root, path, found);
  }
}

async function describeEntry(path: string): Promise<string> {
  const stat = await lstat(path);
  if (stat.isDirectory()) return "folder";
  if (stat.isSymbolicLink()) return `link -> ${await readlink(path)}`;
  if (!stat.isFile()) return "something else";
  const executable = (stat.mode & 0o100) !== 0;
  return stat.size > LARGE_BYTES ? describeLargeFile(path, executable) : describeFile(await readFile(path), executable);
}

export function describeFile(content: Buffer, executable: boolean): string {
  const text = content.toString();
  if (content.length <= 100 && Buffer.from(text).equals(content)) return `${typeWord(executable)}: ${text}`;
  return describeDigest(content.length, createHash("sha256").update(content), executable);
}

async function describeLargeFile(path: string, executable: boolean): Promise<string> {
  const hash = createHash("sha256");
  let length = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    length += chunk.length;
    hash.update(chunk);
  }
  return describeDigest(length, hash, executable);
}

function describeDigest(length: number, hash: Hash, executable: boolean): string {
  return `${typeWord(executable)} of ${length} bytes, ${hash.digest("hex").slice(0, 16)}`;
}

function typeWord(executable: boolean): string {
  return executable ? "program" : "file";
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return;
  throw error;
}
