import { createHash } from "node:crypto";
import type { ContentStore } from "../../../../src/mapping/content-store.ts";
import type { PackedEntry } from "../../../../src/sync/archive/tar.ts";

export const never = new AbortController().signal;

export function fileEntry(path: string, bytes: Uint8Array, mode = 0o644): PackedEntry & { op: "file" } {
  return { op: "file", path, mode, size: bytes.length, digest: createHash("sha256").update(bytes).digest("hex") };
}

interface Readable {
  chunks(signal: AbortSignal): AsyncIterable<Uint8Array>;
}

export async function bytesOf(archive: Readable, signal = never): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive.chunks(signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A store that yields these chunks for every content, then throws if there is an error. */
export function storeOf(chunks: readonly Uint8Array[], error?: unknown): ContentStore {
  return {
    async *open() {
      yield* chunks;
      if (error !== undefined) throw error;
    },
  };
}

/** An error as Node throws it for a system call. */
export function systemError(code: string, call = "write"): Error {
  return Object.assign(new Error(`${code}: something went wrong, ${call}`), { code });
}
