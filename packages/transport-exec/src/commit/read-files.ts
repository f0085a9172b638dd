import { readArchive, type Archive, type Batch } from "@kinsync/core/contract";

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
