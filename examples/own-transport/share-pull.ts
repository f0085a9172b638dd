import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { KinsyncError } from "@kinsync/core/contract";
import type { PulledFile, PullEntry, PullOptions, PullRequest } from "@kinsync/core/contract";

/**
 * Lists a folder or file of this machine, and sends the files that the caller chooses.
 * @param path as the container names it
 */
export async function pullFrom(local: string, path: string, { signal, choose, take }: PullOptions): Promise<void> {
  signal.throwIfAborted();
  if ((await stat(local).catch(() => undefined)) === undefined) {
    throw new KinsyncError("KINSYNC_PULL_PATH", `${path} does not exist on the share`);
  }
  for await (const request of choose(await entriesOf(local, ""))) {
    await take(await fileOf(join(local, request.path), request));
    // The caller may have stopped meanwhile.
    signal.throwIfAborted();
  }
}

/** What is at and below a path. Only the pulled path itself may be a link. */
async function entriesOf(local: string, path: string): Promise<readonly PullEntry[]> {
  const at = join(local, path);
  const status = path === "" ? await stat(at) : await lstat(at);
  if (status.isSymbolicLink()) return [{ path, type: "link", target: await readlink(at) }];
  if (status.isFile()) return [{ path, type: "file", executable: (status.mode & 0o100) !== 0 }];
  if (!status.isDirectory()) return [{ path, type: "other" }];
  const inside: PullEntry[] = [];
  for (const name of await readdir(at)) {
    inside.push(...(await entriesOf(local, path === "" ? name : `${path}/${name}`)));
  }
  return [{ path, type: "directory" }, ...inside];
}

/** The answer to a request. Bytes that the caller has are read here, too, to compare them. */
async function fileOf(at: string, request: PullRequest): Promise<PulledFile> {
  const { have, compareOnly = false } = request;
  const status = await (request.path === "" ? stat(at) : lstat(at)).catch(() => undefined);
  const size = status?.isFile() === true ? status.size : undefined;
  const known = have !== undefined && size !== undefined && have.size <= size ? await hashOf(at, have.size) : undefined;
  const isSame = known !== undefined && known.copy().digest("hex") === have?.digest;
  const offset = isSame ? have.size : 0;
  const hash = isSame ? known : createHash("sha256");
  let digest: string | undefined;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    if (size === undefined || compareOnly) return;
    let left = size - offset;
    for await (const chunk of bytesOf(at, offset, size)) {
      hash.update(chunk);
      left -= chunk.length;
      yield chunk;
    }
    // A file that became shorter has no digest.
    if (left === 0) digest = hash.digest("hex");
  }
  return { request, size, offset, chunks: chunks(), digest: () => digest };
}

async function hashOf(at: string, size: number): Promise<Hash> {
  const hash = createHash("sha256");
  for await (const chunk of bytesOf(at, 0, size)) hash.update(chunk);
  return hash;
}

async function* bytesOf(at: string, start: number, end: number): AsyncGenerator<Buffer> {
  if (start < end) yield* createReadStream(at, { start, end: end - 1 }) as AsyncIterable<Buffer>;
}
