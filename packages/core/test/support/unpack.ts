import { Readable } from "node:stream";
import { extract } from "tar-stream";
import type { Batch } from "../../src/contract/transport.ts";

/** The files of a batch, by their path. */
export async function unpack(batch: Batch, signal: AbortSignal): Promise<Map<string, Buffer>> {
  const content = new Map<string, Buffer>();
  const tar = extract();
  const archive = Readable.from(batch.archive.chunks(signal));
  archive.on("error", (error) => tar.destroy(error));
  archive.pipe(tar);
  for await (const entry of tar as unknown as AsyncIterable<AsyncIterable<Buffer> & { header: { name: string } }>) {
    const parts: Buffer[] = [];
    for await (const part of entry) parts.push(part);
    content.set(entry.header.name, Buffer.concat(parts));
  }
  return content;
}
