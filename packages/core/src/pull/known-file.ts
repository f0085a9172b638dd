import { createHash, type Hash } from "node:crypto";
import type { LocalFolder } from "./local-folder.ts";

/** A pull ends its reading of local files soon after an abort. */
const CHUNK_BYTES = 256 * 1024;

/** What this machine has of a file: a part that an earlier pull received, or a file. */
export class KnownFile {
  readonly isPart: boolean;
  readonly size: number;
  /** SHA-256 of these bytes. */
  readonly digest: string;
  readonly #hash: Hash;

  private constructor(isPart: boolean, size: number, hash: Hash) {
    this.isPart = isPart;
    this.size = size;
    this.digest = hash.copy().digest("hex");
    this.#hash = hash;
  }

  /** `undefined`: there is neither. */
  static async read(folder: LocalFolder, path: string, signal: AbortSignal): Promise<KnownFile | undefined> {
    const part = await folder.openPart(path);
    const handle = part ?? (await folder.read(path));
    if (handle === undefined) return undefined;
    try {
      const hash = createHash("sha256");
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      let size = 0;
      for (;;) {
        signal.throwIfAborted();
        // oxlint-disable-next-line no-await-in-loop -- one piece after the other
        const { bytesRead } = await handle.read(chunk, 0, chunk.length, size);
        if (bytesRead === 0) break;
        hash.update(chunk.subarray(0, bytesRead));
        size += bytesRead;
      }
      return new KnownFile(part !== undefined, size, hash);
    } finally {
      await handle.close();
    }
  }

  /** Goes on from these bytes. */
  hash(): Hash {
    return this.#hash.copy();
  }
}
