/** A line of bytes as text. */
export interface SplitLine {
  /** Without the line feed, and without a carriage return in front of it. */
  readonly text: string;
  /** Bytes beyond the limit, which are left out. */
  readonly cutBytes: number;
}

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** Splits bytes into lines, and keeps at most `limitBytes` of a line in memory. */
export class LineSplitter {
  readonly #limitBytes: number;
  #pieces: Uint8Array[] = [];
  #size = 0;
  #cutBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** The lines that these bytes complete. */
  *push(chunk: Uint8Array): Generator<SplitLine, void, undefined> {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      if (end === -1) break;
      this.#keep(chunk.subarray(start, end));
      yield this.#take();
      start = end + 1;
    }
    // A copy: the chunk may be part of a large buffer.
    if (start < chunk.length) this.#keep(chunk.slice(start));
  }

  /** The last line, if it has no line feed. */
  rest(): SplitLine | undefined {
    return this.#size + this.#cutBytes === 0 ? undefined : this.#take();
  }

  #keep(piece: Uint8Array): void {
    const kept = piece.subarray(0, this.#limitBytes - this.#size);
    if (kept.length > 0) this.#pieces.push(kept);
    this.#size += kept.length;
    this.#cutBytes += piece.length - kept.length;
  }

  #take(): SplitLine {
    const bytes = this.#pieces.length === 1 ? Buffer.from(this.#pieces[0] ?? []) : Buffer.concat(this.#pieces);
    const cutBytes = this.#cutBytes;
    this.#pieces = [];
    this.#size = 0;
    this.#cutBytes = 0;
    const isCarriage = cutBytes === 0 && bytes.at(-1) === CARRIAGE_RETURN;
    const whole = cutBytes === 0 ? bytes.length : wholeCharacters(bytes);
    return {
      text: bytes.toString("utf8", 0, isCarriage ? whole - 1 : whole),
      cutBytes: cutBytes + bytes.length - whole,
    };
  }
}

/** Length without a character of UTF-8 that the end cuts. */
function wholeCharacters(bytes: Uint8Array): number {
  const { length } = bytes;
  for (let back = 1; back <= Math.min(4, length); back += 1) {
    const byte = bytes[length - back] ?? 0;
    // A byte that continues a character.
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? length - back : length;
  }
  return length;
}
