const BLOCK_BYTES = 512;
/** Types of members that only describe the next one: pax headers and GNU's long names. */
const DESCRIBES = new Set(["x", "g", "L", "K"]);

const NO_BYTES = new Uint8Array();

/** Follows a tar while it is read or sent, and reports which bytes belong to which member. Skips members that only describe others. */
export class TarCursor {
  readonly #onBytes: (member: number, bytes: Uint8Array) => void;
  readonly #header = Buffer.alloc(BLOCK_BYTES);
  #headerSize = 0;
  /** Bytes of the current member that have not come yet, and of its padding. */
  #left = 0;
  #padding = 0;
  #isMember = false;
  #member = -1;
  #ended = 0;
  #over = false;
  #position = 0;

  /** @param onBytes receives the bytes of each member, counted from 0; no bytes once for a member that has none */
  constructor(onBytes: (member: number, bytes: Uint8Array) => void = () => {}) {
    this.#onBytes = onBytes;
  }

  /** Members that are complete, not counting their padding. */
  get whole(): number {
    return this.#ended;
  }

  /** Bytes of the tar so far. */
  get position(): number {
    return this.#position;
  }

  /** Reads the next bytes of the tar. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.#over) {
      if (this.#left > 0) {
        const part = chunk.subarray(at, at + this.#left);
        if (this.#isMember) this.#onBytes(this.#member, part);
        this.#left -= part.length;
        at += part.length;
        if (this.#left === 0 && this.#isMember) this.#ended += 1;
      } else if (this.#padding > 0) {
        const skipped = Math.min(this.#padding, chunk.length - at);
        this.#padding -= skipped;
        at += skipped;
      } else {
        const part = chunk.subarray(at, at + BLOCK_BYTES - this.#headerSize);
        this.#header.set(part, this.#headerSize);
        this.#headerSize += part.length;
        at += part.length;
        if (this.#headerSize === BLOCK_BYTES) this.#readHeader();
      }
    }
    this.#position += chunk.length;
  }

  #readHeader(): void {
    this.#headerSize = 0;
    const size = Number.parseInt(this.#header.toString("latin1", 124, 135), 8);
    // The end, or a size that only a pax header holds.
    if (this.#header[0] === 0 || Number.isNaN(size)) {
      this.#over = true;
      return;
    }
    this.#isMember = !DESCRIBES.has(this.#header.toString("latin1", 156, 157));
    if (this.#isMember) this.#member += 1;
    this.#left = size;
    this.#padding = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
    if (!this.#isMember || size > 0) return;
    this.#ended += 1;
    this.#onBytes(this.#member, NO_BYTES);
  }
}
