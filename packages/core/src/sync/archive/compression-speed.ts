/** Measurements of one archive that count. A busy machine makes compression look slower and never faster, so the best of them does. */
const MAX_SAMPLES = 4;
/** With fewer, none of them may be good enough: what follows would be sent as it is for long, which costs far more than a piece in vain. */
const MIN_SAMPLES = 3;

export interface CompressionSample {
  /** Before and after compression. */
  readonly bytes: number;
  readonly packedBytes: number;
  readonly ms: number;
}

/** How fast this machine compresses the content of an archive, and how much that saves. */
export class CompressionSpeed {
  readonly #samples: CompressionSample[] = [];

  note(sample: CompressionSample): void {
    this.#samples.push(sample);
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }

  /** The best of what was measured; `undefined` as long as that is too little. */
  get bytesPerSecond(): number | undefined {
    if (this.#samples.length < MIN_SAMPLES) return undefined;
    return Math.max(...this.#samples.map(({ bytes, ms }) => (bytes * 1000) / ms));
  }

  /**
   * True if bytes are at the other end of a link sooner when they are compressed first, and as long as too little was measured.
   * @param bytesPerSecond what the link carries; `undefined` if that is not known
   * @param readers that all receive the bytes. They share this machine's way to the API server
   */
  paysOver(bytesPerSecond: number | undefined, readers = 1): boolean {
    if (bytesPerSecond === undefined) return true;
    if (bytesPerSecond !== Infinity && this.#samples.length < MIN_SAMPLES) return true;
    return this.#samples.some(({ bytes, packedBytes, ms }) => {
      const savedMs = ((bytes - packedBytes) * readers * 1000) / bytesPerSecond;
      return ms < savedMs;
    });
  }
}
