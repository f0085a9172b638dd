import { gzipSync } from "node:zlib";

/** Parts of a request, in their order. */
export type RequestParts = readonly (string | Uint8Array)[];

/** A request, or a part of it. */
export type RequestText = string | RequestParts;

export function requestParts(text: RequestText): RequestParts {
  return typeof text === "string" ? [text] : text;
}

/** A shorter text is sent as it is. */
const MIN_COMPRESSED_CHARACTERS = 4 * 1024;

/**
 * The text as a gzip member, with the bytes of the text itself.
 * @returns `undefined` for a short text
 */
export function compressText(text: string): { readonly packed: Uint8Array; readonly bytes: number } | undefined {
  if (text.length < MIN_COMPRESSED_CHARACTERS) return undefined;
  // Each session compresses its own texts, in this thread: the fastest level, which also halves lists of digests.
  return { packed: gzipSync(text, { level: 1 }), bytes: Buffer.byteLength(text) };
}
