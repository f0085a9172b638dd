import { mkdtemp, open, rm, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KinsyncError } from "../../errors/error.ts";
import { systemReason } from "../../text/system-reason.ts";

const MEBIBYTE = 1024 * 1024;

/**
 * Bytes in a temporary file of this machine. The file has no name from the start, so that no end of the process leaves it
 * behind; on Windows, which keeps names of open files, disposing removes it.
 *
 * Every failure is a `KINSYNC_SOURCE_SPOOL` that names the folder.
 */
export class Spool implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #folder: string;
  readonly #leftover: string | undefined;
  readonly #bytes: number;

  private constructor(file: FileHandle, folder: string, leftover: string | undefined, bytes: number) {
    this.#file = file;
    this.#folder = folder;
    this.#leftover = leftover;
    this.#bytes = bytes;
  }

  /**
   * @param bytes how many bytes will be written, for messages
   * @param folder default: the system's temporary folder (TMPDIR)
   */
  static async open(bytes: number, folder: string = tmpdir()): Promise<Spool> {
    let own: string | undefined;
    try {
      own = await mkdtemp(join(folder, "kinsync-"));
      const file = await open(join(own, "archive.tar"), "wx+", 0o600);
      const leftover = await rm(own, { recursive: true }).then(
        () => undefined,
        () => own,
      );
      return new Spool(file, folder, leftover, bytes);
    } catch (cause) {
      if (own !== undefined) await rm(own, { recursive: true, force: true }).catch(() => {});
      throw spoolError(folder, bytes, cause);
    }
  }

  async write(piece: Uint8Array, position: number): Promise<void> {
    try {
      // A disk that fills up takes a part first.
      for (let written = 0; written < piece.length;) {
        const { bytesWritten } = await this.#file.write(piece, written, piece.length - written, position + written);
        if (bytesWritten === 0) throw Object.assign(new Error("nothing was written"), { code: "ENOSPC" });
        written += bytesWritten;
      }
    } catch (cause) {
      throw spoolError(this.#folder, this.#bytes, cause);
    }
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafe(length);
    try {
      for (let read = 0; read < length;) {
        const { bytesRead } = await this.#file.read(buffer, read, length - read, position + read);
        if (bytesRead === 0) throw new Error(`the file has only ${position + read} bytes`);
        read += bytesRead;
      }
    } catch (cause) {
      throw spoolError(this.#folder, this.#bytes, cause);
    }
    return buffer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Its content is no longer needed, so a close that fails has no effect.
    await this.#file.close().catch(() => {});
    if (this.#leftover !== undefined) await rm(this.#leftover, { recursive: true, force: true }).catch(() => {});
  }
}

function spoolError(folder: string, bytes: number, cause: unknown): KinsyncError {
  const amount = `${Math.ceil(bytes / MEBIBYTE)} MiB`;
  return new KinsyncError(
    "KINSYNC_SOURCE_SPOOL",
    `${folder}, the temporary folder of this machine, cannot hold the ${amount} to send: ${systemReason(cause)}`,
    { cause },
  );
}
