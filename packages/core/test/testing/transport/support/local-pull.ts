import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import type { PullEntry, PullOptions, PullRequest } from "../../../../src/contract/pull.ts";
import { KinsyncError } from "../../../../src/errors/error.ts";

const CHUNK_BYTES = 64 * 1024;

/** Lists a local path and sends files of it, as the contract says. */
export async function pullLocal(path: string, { signal, choose, take }: PullOptions): Promise<void> {
  signal.throwIfAborted();
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    throw new KinsyncError("KINSYNC_PULL_PATH", `${path} does not exist`);
  }
  for await (const request of choose(listOf(path))) {
    signal.throwIfAborted();
    await send(path, request, take);
    signal.throwIfAborted();
  }
}

export function listOf(root: string, path = ""): readonly PullEntry[] {
  const at = join(root, path);
  const status = path === "" ? statSync(at) : lstatSync(at);
  if (status.isSymbolicLink()) return [{ path, type: "link", target: readlinkSync(at) }];
  if (status.isFile()) return [{ path, type: "file", executable: (status.mode & 0o100) !== 0, size: status.size }];
  if (!status.isDirectory()) return [{ path, type: "other" }];
  const inside = readdirSync(at).flatMap((name) => listOf(root, path === "" ? name : `${path}/${name}`));
  return [{ path, type: "directory" }, ...inside];
}

async function send(root: string, request: PullRequest, take: PullOptions["take"]): Promise<void> {
  const bytes = readFileSync(join(root, request.path));
  const { have, compareOnly = false } = request;
  const isSame =
    have !== undefined && have.size <= bytes.length && have.digest === digestOf(bytes.subarray(0, have.size));
  const offset = isSame ? have.size : 0;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    if (compareOnly) return;
    for (let at = offset; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
  }
  const digest = compareOnly ? undefined : digestOf(bytes);
  await take({ request, size: bytes.length, offset, chunks: chunks(), digest: () => digest });
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
