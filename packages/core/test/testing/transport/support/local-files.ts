import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { BatchEntry, InventoryEntry, RootSpec } from "../../../../src/contract/transport.ts";

export function inventoryEntry(root: RootSpec, path: string): InventoryEntry | undefined {
  const stats = lstatSync(join(root.path, path), { throwIfNoEntry: false });
  if (stats === undefined || !isReached(root, path)) return undefined;
  if (stats.isDirectory()) return { type: "directory", path, mode: stats.mode & 0o777 };
  if (stats.isSymbolicLink()) return { type: "link", path, target: readlinkSync(join(root.path, path)) };
  const digest = sha256(readFileSync(join(root.path, path)));
  return { type: "file", path, mode: stats.mode & 0o777, size: stats.size, digest };
}

/** No link is on the way to the path. */
export function isReached(root: RootSpec, path: string): boolean {
  for (let at = dirname(path); at !== "."; at = dirname(at)) {
    if (lstatSync(join(root.path, at), { throwIfNoEntry: false })?.isDirectory() !== true) return false;
  }
  return true;
}

/** Does one step of a batch; `staged` is the file of its bytes. */
export function carryOut(root: RootSpec, entry: BatchEntry, staged: string): void {
  const path = join(root.path, entry.path);
  if (!isReached(root, entry.path)) return;
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (entry.op === "delete") {
    if (there === undefined) return;
    if (!there.isDirectory()) unlinkSync(path);
    else if (entry.type === "directory" && readdirSync(path).length === 0) rmdirSync(path);
  } else if (entry.op === "chmod") changeMode(path, entry.mode, staged);
  else if (entry.op === "file") {
    if (there?.isDirectory() === true) rmdirSync(path);
    chmodSync(staged, entry.mode);
    if (there?.isFile() === true) {
      const time = Math.max(Date.now() / 1000, there.mtimeMs / 1000 + 1.001);
      utimesSync(staged, time, time);
    }
    renameSync(staged, path);
  } else {
    if (there !== undefined && !(entry.op === "directory" && there.isDirectory())) unlinkSync(path);
    if (entry.op === "link") symlinkSync(entry.target, path);
    else {
      mkdirSync(path, { recursive: true });
      chmodSync(path, entry.mode);
    }
  }
}

/** A link keeps its mode, and so do the other names of a file. */
function changeMode(path: string, mode: number, staged: string): void {
  const there = lstatSync(path);
  if (there.isSymbolicLink()) return;
  if (there.isFile() && there.nlink > 1) {
    copyFileSync(path, staged);
    chmodSync(staged, mode);
    renameSync(staged, path);
  } else chmodSync(path, mode);
}

/** Every path below a folder, without the state directory. */
export function walk(folder: string, prefix: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === ".kinsync") return [];
    const path = `${prefix}${entry.name}`;
    return entry.isDirectory() ? [path, ...walk(join(folder, entry.name), `${path}/`)] : [path];
  });
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
