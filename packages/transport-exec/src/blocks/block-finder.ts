import { createHash } from "node:crypto";
import { RollingSum } from "./rolling-sum.ts";
import { strongDigits, type BlockIndex, type PartSource } from "./signature.ts";

/** A part of a file: bytes that the container has, from `from`, or new ones. */
export interface PatchPart {
  readonly source: PartSource;
  readonly from: number;
  readonly size: number;
}

/** A file as parts of the one that it replaces, and new bytes, in their order. */
export interface Patch {
  readonly parts: readonly PatchPart[];
  /** New bytes in all. */
  readonly newBytes: number;
}

/**
 * Finds the blocks of a former file in a file, at any offset. Where the block that follows the last one that was found is in its place,
 * only its strong sum is computed. Elsewhere the weak sum of each position shows whether the strong one is worth its time.
 */
export class BlockFinder {
  readonly #index: BlockIndex;
  readonly #sum: RollingSum;
  readonly #maxNewBytes: number;
  readonly #parts: { source: PartSource; from: number; size: number }[] = [];
  #newBytes = 0;
  #buffer: Buffer;
  /** Bytes of the buffer that hold content. */
  #filled = 0;
  /** Where the window begins. */
  #at = 0;
  /** What the window is known to be: not examined, or no block of the former file, with `#sum` as its weak sum. */
  #isExamined = false;
  /** The block that is expected next: at first, what was kept begins as the file does. */
  #expected: number;

  /** @param maxNewBytes with more, a patch is not worth its time */
  constructor(index: BlockIndex, maxNewBytes: number) {
    this.#index = index;
    this.#sum = new RollingSum(index.blockBytes);
    this.#maxNewBytes = maxNewBytes;
    this.#expected = index.formerCount < index.count ? index.formerCount : 0;
    this.#buffer = Buffer.allocUnsafe(4 * index.blockBytes);
  }

  /** True once there are more new bytes than allowed. */
  get isHopeless(): boolean {
    return this.#newBytes > this.#maxNewBytes;
  }

  push(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length && !this.isHopeless;) {
      const part = bytes.subarray(from, from + this.#buffer.length - this.#filled);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      from += part.length;
      if (this.#filled === this.#buffer.length) this.#examine();
    }
  }

  /** After the last byte. `undefined`: too much is new. */
  finish(): Patch | undefined {
    this.#examine();
    this.#addNew(this.#filled - this.#at);
    return this.isHopeless ? undefined : { parts: this.#parts, newBytes: this.#newBytes };
  }

  /** Moves the window as far as the buffer is filled, and what is left to the beginning of the buffer. */
  #examine(): void {
    const { blockBytes } = this.#index;
    while (this.#filled - this.#at >= blockBytes && !this.isHopeless) {
      if (!this.#isExamined) {
        const block = this.#blockHere();
        if (block !== undefined) {
          const { source, from } = this.#index.locate(block);
          this.#add(source, from, blockBytes);
          this.#at += blockBytes;
          this.#expected = block + 1;
          continue;
        }
        this.#isExamined = true;
      }
      if (this.#filled - this.#at === blockBytes) break;
      this.#roll();
    }
    this.#buffer.copyWithin(0, this.#at, this.#filled);
    this.#filled -= this.#at;
    this.#at = 0;
  }

  #blockHere(): number | undefined {
    const { blockBytes, count } = this.#index;
    const window = this.#buffer.subarray(this.#at, this.#at + blockBytes);
    let strong: string | undefined;
    const strongOf = (): string => (strong ??= strongDigits(createHash("sha256").update(window).digest("hex")));
    if (this.#expected < count && this.#index.strong(this.#expected) === strongOf()) return this.#expected;
    this.#sum.reset(window);
    return this.#index.find(this.#sum.high, this.#sum.low, strongOf);
  }

  /** Moves on byte by byte, until the window may be a block or the buffer ends. */
  #roll(): void {
    const { blockBytes, formerCount, filter } = this.#index;
    const begun = this.#at;
    const last = this.#filled - blockBytes;
    // What was kept is the beginning of the file: nothing of it is elsewhere.
    let at = formerCount === 0 ? last : begun;
    while (at < last) {
      at = this.#sum.roll(this.#buffer, at, last, filter);
      if (this.#isBlock(at)) break;
    }
    this.#addNew(at - begun);
    this.#at = at;
  }

  /** Examines the window whose weak sum may be that of a block. */
  #isBlock(at: number): boolean {
    const window = this.#buffer.subarray(at, at + this.#index.blockBytes);
    const block = this.#index.find(this.#sum.high, this.#sum.low, () =>
      strongDigits(createHash("sha256").update(window).digest("hex")),
    );
    if (block === undefined) return false;
    this.#expected = block;
    this.#isExamined = false;
    return true;
  }

  #addNew(size: number): void {
    this.#newBytes += size;
    if (size > 0) this.#add("new", 0, size);
  }

  #add(source: PartSource, from: number, size: number): void {
    const last = this.#parts.at(-1);
    const continues = last?.source === source && (source === "new" || from === last.from + last.size);
    if (last !== undefined && continues) last.size += size;
    else this.#parts.push({ source, from, size });
  }
}
