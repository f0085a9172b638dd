// Checks the files of containers without kinsync, while the clock is stopped.
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join, relative } from "node:path";
import { openExec } from "./exec-stream.ts";
import type { BenchCluster } from "./bench-cluster.ts";

/** Path below the folder -> SHA-256 of the file, in hexadecimal digits. */
export type Content = ReadonlyMap<string, string>;

export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** All files below a folder of this machine, without kinsync's state. */
export function contentOfFolder(folder: string): Content {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
  return withoutState(files.map((file) => [file, digestOf(readFileSync(join(folder, file)))]));
}

/** All files below a folder of a container. */
export async function contentInside(cluster: BenchCluster, pod: string, folder: string): Promise<Content> {
  const local = await cluster.localPath(pod, folder);
  if (local !== undefined) return contentOfFolder(local);
  const lines = await linesOf(cluster, pod, `cd ${folder} && find . -type f -exec sha256sum {} +`);
  return withoutState(lines.map((line) => [line.slice(68), line.slice(0, 64)]));
}

/** The digest of one file of a container: of its last `tail` bytes, or of all if `tail` is 0. */
export async function digestInside(
  cluster: BenchCluster,
  pod: string,
  folder: string,
  name: string,
  tail: number,
): Promise<string> {
  const local = await cluster.localPath(pod, folder);
  if (local !== undefined)
    return digestOf(tail === 0 ? readFileSync(join(local, name)) : readTail(join(local, name), tail));
  const path = `${folder}/${name}`;
  const [line = ""] = await linesOf(
    cluster,
    pod,
    tail === 0 ? `sha256sum ${path}` : `tail -c ${tail} ${path} | sha256sum`,
  );
  return line.slice(0, 64);
}

/** @throws with the first difference */
export function assertSame(found: Content, expected: Content, what: string): void {
  for (const [path, digest] of expected) {
    if (found.get(path) !== digest) {
      throw new Error(`${what}: ${path} ${found.has(path) ? "has other content" : "is missing"}`);
    }
  }
  const surplus = [...found.keys()].find((path) => !expected.has(path));
  if (surplus !== undefined) throw new Error(`${what}: ${surplus} should not exist`);
}

function withoutState(entries: readonly (readonly [path: string, digest: string])[]): Content {
  return new Map(entries.filter(([path]) => !path.split("/").includes(".kinsync")));
}

function readTail(path: string, bytes: number): Uint8Array {
  const file = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(bytes);
    return buffer.subarray(0, readSync(file, buffer, 0, bytes, Math.max(0, fstatSync(file).size - bytes)));
  } finally {
    closeSync(file);
  }
}

async function linesOf(cluster: BenchCluster, pod: string, script: string): Promise<readonly string[]> {
  const lines: string[] = [];
  const stream = await openExec(cluster, pod, ["sh", "-c", script]);
  stream.onLine = (line) => lines.push(line);
  await stream.ended;
  stream.close();
  return lines;
}
