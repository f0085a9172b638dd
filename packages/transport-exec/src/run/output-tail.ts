import { StringDecoder } from "node:string_decoder";

const TAIL_BYTES = 64 * 1024;

/** Emits the output of a command up to the line `MARK CODE` that ends it, and keeps the last 64 KiB. */
export class OutputTail {
  /** Exit code of the command; `undefined` until the end mark was read. */
  exitCode: number | undefined;
  readonly #mark: Buffer;
  readonly #onOutput: ((text: string) => void) | undefined;
  readonly #decoder = new StringDecoder("utf8");
  /** Bytes that may be the beginning of the end mark. */
  #held: Buffer = Buffer.alloc(0);
  #parts: Buffer[] = [];
  #size = 0;
  #truncated = false;

  constructor(mark: string, onOutput: ((text: string) => void) | undefined) {
    this.#mark = Buffer.from(`\n${mark} `);
    this.#onOutput = onOutput;
  }

  push(data: Uint8Array): void {
    if (this.exitCode !== undefined) return;
    const bytes = Buffer.concat([this.#held, data]);
    const at = bytes.indexOf(this.#mark);
    if (at !== -1) {
      const end = bytes.indexOf(10, at + this.#mark.length);
      if (end !== -1) {
        this.#emit(bytes.subarray(0, at));
        this.#held = Buffer.alloc(0);
        this.exitCode = Number(bytes.subarray(at + this.#mark.length, end).toString("latin1"));
        return;
      }
      this.#emit(bytes.subarray(0, at));
      this.#held = bytes.subarray(at);
      return;
    }
    // The mark begins with a newline, so the bytes after the last newline may be its beginning.
    const newline = bytes.lastIndexOf(10);
    const hold = newline !== -1 && bytes.length - newline < this.#mark.length ? newline : bytes.length;
    this.#emit(bytes.subarray(0, hold));
    this.#held = Buffer.from(bytes.subarray(hold));
  }

  #emit(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#onOutput?.(this.#decoder.write(bytes));
    this.#parts.push(Buffer.from(bytes));
    this.#size += bytes.length;
    while (this.#size - (this.#parts[0]?.length ?? 0) >= TAIL_BYTES) {
      this.#size -= this.#parts.shift()?.length ?? 0;
      this.#truncated = true;
    }
  }

  result(): { readonly output: string; readonly truncated: boolean } {
    const all = Buffer.concat([...this.#parts, this.exitCode === undefined ? this.#held : Buffer.alloc(0)]);
    const tail = all.subarray(Math.max(0, all.length - TAIL_BYTES));
    return { output: tail.toString("utf8"), truncated: this.#truncated || tail.length < all.length };
  }
}
