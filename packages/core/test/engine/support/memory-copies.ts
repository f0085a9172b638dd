import { hash } from "node:crypto";
import type { KeptContent } from "../../../src/local/kept/content-cache.ts";
import { sourceChanged, type Content } from "../../../src/mapping/content-store.ts";

/** Copies of files in memory, without a limit. */
export function memoryCopies(): KeptContent & { forget(text: string): void } {
  const bytes = new Map<string, Uint8Array>();
  return {
    has: ({ digest, size }: Content) => size === 0 || bytes.has(digest),
    async keep(contents, from, signal) {
      const missing: Content[] = [];
      for (const content of contents) {
        if (content.size === 0 || bytes.has(content.digest)) continue;
        try {
          const chunks: Uint8Array[] = [];
          for await (const chunk of from.open(content, signal)) chunks.push(chunk);
          bytes.set(content.digest, Buffer.concat(chunks));
        } catch {
          missing.push(content);
        }
      }
      return missing;
    },
    async *open({ digest }) {
      const copy = bytes.get(digest);
      if (copy === undefined) throw sourceChanged(digest, "it was forgotten");
      yield copy;
    },
    forget: (text) => void bytes.delete(hash("sha256", text)),
  };
}
