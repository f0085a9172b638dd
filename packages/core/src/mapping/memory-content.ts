import { hash } from "node:crypto";
import { sourceChanged, type ContentStore } from "./content-store.ts";

/**
 * A store of bytes in memory, for sources that have no files: generated code, test fixtures, an editor's unsaved buffers.
 * It does not copy the bytes, so they must not be modified.
 */
export function memoryContent(files: Iterable<Uint8Array>): ContentStore {
  const byDigest = new Map<string, Uint8Array>();
  for (const bytes of files) byDigest.set(hash("sha256", bytes), bytes);
  return {
    async *open({ digest }, signal) {
      signal.throwIfAborted();
      const bytes = byDigest.get(digest);
      if (bytes === undefined) throw sourceChanged(`content ${digest}`, "the store does not have it");
      yield bytes;
    },
  };
}
