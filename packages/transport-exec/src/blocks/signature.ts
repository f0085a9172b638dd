import { SumFilter } from "./rolling-sum.ts";

const MIN_BLOCK_BYTES = 64 * 1024;
/** Larger files get larger blocks, so that a signature stays below 200 KiB. */
const MAX_BLOCKS = 4_096;
/** Hexadecimal digits of the two sums of a block: adler32, and the first half of its sha256. */
const WEAK_DIGITS = 8;
const STRONG_DIGITS = 32;
const BLOCK_DIGITS = WEAK_DIGITS + STRONG_DIGITS;

/**
 * Sums of the blocks of two files in a container: of the one that is there, and of what was kept of the new one when its transfer broke.
 * A last part that is shorter than a block has none.
 */
export interface Signature {
  readonly blockBytes: number;
  /** The sums of all blocks, in their order. */
  readonly former: string;
  readonly kept: string;
}

/** Where the bytes of a part are: in the file that is there, in what was kept, or they are new. */
export type PartSource = "former" | "kept" | "new";

/** Bytes of one block for a file of `size` bytes. */
export function blockBytesFor(size: number): number {
  let blockBytes = MIN_BLOCK_BYTES;
  while (size / blockBytes > MAX_BLOCKS) blockBytes *= 2;
  return blockBytes;
}

/** Joins the records of a signature. Returns `undefined` where they are not a signature, or hold no block. */
export function joinSignature(records: readonly string[], blockBytes: number): Signature | undefined {
  let [former, kept] = ["", ""];
  for (const record of records) {
    const [, mark, sums = ""] = /^([bq]) ([0-9a-f]+)$/.exec(record) ?? [];
    if (sums === "" || sums.length % BLOCK_DIGITS !== 0) return undefined;
    if (mark === "b") former += sums;
    else kept += sums;
  }
  return former === "" && kept === "" ? undefined : { blockBytes, former, kept };
}

/** Finds blocks by their sums. */
export class BlockIndex {
  readonly blockBytes: number;
  readonly count: number;
  /** Blocks of the former file. Those of the kept one follow. */
  readonly formerCount: number;
  readonly #text: string;
  /** Blocks by their weak sum; equal blocks only once. */
  readonly #byWeak = new Map<number, number[]>();
  /** The weak sums that occur. */
  readonly filter = new SumFilter();

  constructor({ blockBytes, former, kept }: Signature) {
    const text = former + kept;
    this.blockBytes = blockBytes;
    this.formerCount = former.length / BLOCK_DIGITS;
    this.count = text.length / BLOCK_DIGITS;
    this.#text = text;
    for (let block = 0; block < this.count; block += 1) {
      const from = block * BLOCK_DIGITS;
      const weak = Number.parseInt(text.slice(from, from + WEAK_DIGITS), 16);
      const known = this.#byWeak.get(weak);
      if (known === undefined) this.#byWeak.set(weak, [block]);
      else if (!known.some((other) => this.strong(other) === this.strong(block))) known.push(block);
      this.filter.add(weak >>> 16, weak & 0xffff);
    }
  }

  /** Where a block is. */
  locate(block: number): { readonly source: PartSource; readonly from: number } {
    const isKept = block >= this.formerCount;
    const place = isKept ? block - this.formerCount : block;
    return { source: isKept ? "kept" : "former", from: place * this.blockBytes };
  }

  /** The block with these sums. `strongOf` computes the strong one where the weak one exists. */
  find(high: number, low: number, strongOf: () => string): number | undefined {
    const blocks = this.#byWeak.get(high * 0x10000 + low);
    if (blocks === undefined) return undefined;
    const strong = strongOf();
    return blocks.find((block) => this.strong(block) === strong);
  }

  strong(block: number): string {
    const from = block * BLOCK_DIGITS + WEAK_DIGITS;
    return this.#text.slice(from, from + STRONG_DIGITS);
  }
}

/** The part of a sha256 that a signature holds. */
export function strongDigits(digest: string): string {
  return digest.slice(0, STRONG_DIGITS);
}
