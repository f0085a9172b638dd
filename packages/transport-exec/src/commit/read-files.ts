import { setImmediate as nextTurn } from "node:timers/promises";
import { readArchive, TarCursor, type Archive, type Batch } from "@kinsync/core/contract";

/**
 * The content of the files of a small batch, in the order of the batch.
 * @throws as `readArchive`
 */
export async function readFiles(batch: Batch, signal: AbortSignal): Promise<readonly Uint8Array[]> {
  const files: Uint8Array[] = [];
  const parts: Uint8Array[] = [];
  for await (const { bytes, isLast } of readArchive(batch, signal)) {
    parts.push(bytes);
    if (isLast) files.push(Buffer.concat(parts.splice(0)));
  }
  return files;
}

/** Bytes after which a reader that computes gives others a turn. */
const TURN_BYTES = 1024 * 1024;

/**
 * The content of one member of a batch's archive. Others get their turn in between.
 * @param member its number in the archive
 * @throws the archive's errors
 */
export async function* contentsOf(
  { archive }: Pick<Batch, "archive">,
  member: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const found: Uint8Array[] = [];
  const cursor = new TarCursor((at, bytes) => {
    if (at === member) found.push(bytes);
  });
  let sinceTurn = 0;
  for await (const chunk of archive.chunks(signal)) {
    cursor.push(chunk);
    for (const bytes of found.splice(0)) {
      yield bytes;
      sinceTurn += bytes.length;
    }
    if (cursor.whole > member) return;
    if (sinceTurn < TURN_BYTES) continue;
    sinceTurn = 0;
    await nextTurn();
  }
}

/** The content of the only file of a batch, as an archive without headers. */
export function contentOf(batch: Batch): Archive {
  const file = batch.entries.find((entry) => entry.op === "file");
  return {
    size: file?.size ?? 0,
    async *chunks(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const { bytes } of readArchive(batch, signal)) yield bytes;
    },
  };
}
