import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { KinsyncError, TarCursor, type Archive, type CompressedPiece, type LinkRate } from "@kinsync/core/contract";
import type { Patch } from "./block-finder.ts";

const gzipAsync = promisify(gzip);

/** Bytes of the header of a part: a letter, offset and size, padded with blanks. */
const PART_HEADER_BYTES = 40;
const LETTERS = { former: "c", kept: "k", new: "n" } as const;
/** Bytes of a compressed piece, before. */
const PIECE_BYTES = 1024 * 1024;
/** Above this rate, compression in this session alone takes longer than it saves. */
const MAX_COMPRESSED_RATE = 12_500_000;

/**
 * The archive with patches in place of the content of some members. Headers and padding stay.
 * @param patches by the number of the member in the archive
 */
export function patchedArchive(archive: Archive, patches: ReadonlyMap<number, Patch>): Archive {
  let size = archive.size;
  for (const { parts, newBytes } of patches.values()) {
    size += parts.length * PART_HEADER_BYTES + newBytes - parts.reduce((sum, part) => sum + part.size, 0);
  }
  const chunks = (signal: AbortSignal): AsyncIterable<Uint8Array> => patchedChunks(archive.chunks(signal), patches);
  return { size, chunks, compressed: (signal, rate) => compressedPieces(chunks(signal), size, rate) };
}

async function* patchedChunks(
  chunks: AsyncIterable<Uint8Array>,
  patches: ReadonlyMap<number, Patch>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const contents: { readonly member: number; readonly bytes: Uint8Array }[] = [];
  const cursor = new TarCursor((member, bytes) => contents.push({ member, bytes }));
  let current = -1;
  let patcher: Patcher | undefined;
  for await (const chunk of chunks) {
    cursor.push(chunk);
    let end = 0;
    for (const { member, bytes } of contents.splice(0)) {
      if (member !== current) {
        current = member;
        const patch = patches.get(member);
        patcher = patch === undefined ? undefined : new Patcher(patch);
      }
      if (patcher === undefined || bytes.length === 0) continue;
      // Headers, padding and other members come before it.
      const begin = bytes.byteOffset - chunk.byteOffset;
      if (begin > end) yield chunk.subarray(end, begin);
      end = begin + bytes.length;
      yield* patcher.take(bytes);
    }
    if (end < chunk.length) yield end === 0 ? chunk : chunk.subarray(end);
  }
}

/** Follows the content of one member, and returns what is sent of it. */
class Patcher {
  readonly #parts: Patch["parts"];
  #next = 0;
  /** Bytes of the current part that have not come yet. */
  #left = 0;
  #isNew = false;

  constructor({ parts }: Patch) {
    this.#parts = parts;
  }

  *take(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
    for (let at = 0; at < bytes.length;) {
      if (this.#left === 0) {
        const part = this.#parts[this.#next];
        if (part === undefined) throw new KinsyncError("KINSYNC_INTERNAL", "a patch ended before its file");
        this.#next += 1;
        this.#left = part.size;
        this.#isNew = part.source === "new";
        yield Buffer.from(`${LETTERS[part.source]} ${part.from} ${part.size}`.padEnd(PART_HEADER_BYTES));
      }
      const piece = bytes.subarray(at, at + this.#left);
      at += piece.length;
      this.#left -= piece.length;
      if (this.#isNew) yield piece;
    }
  }
}

/** Compressed for this session alone: only what changed travels. */
async function* compressedPieces(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
  bytesPerSecond: LinkRate = () => undefined,
): AsyncGenerator<CompressedPiece, void, undefined> {
  let parts: Uint8Array[] = [];
  let filled = 0;
  let total = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    filled += chunk.length;
    total += chunk.length;
    if (filled < PIECE_BYTES && total < size) continue;
    const bytes = Buffer.concat(parts);
    const packed = (bytesPerSecond() ?? 0) < MAX_COMPRESSED_RATE ? await gzipAsync(bytes) : bytes;
    const isGzip = packed.length < bytes.length;
    const piece = { size: bytes.length, isGzip, entries: 0 };
    yield isGzip ? { ...piece, bytes: packed, encoding: "gzip" } : { ...piece, bytes };
    parts = [];
    filled = 0;
  }
}
