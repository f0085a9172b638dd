/** Measurements of one archive that count. A busy machine makes compression look slower and never faster, so the best of them does. */
const MAX_SAMPLES = 4;

interface CompressionSample {
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

  /**
   * True if bytes are at the other end of a link sooner when they are compressed first. True without a measurement.
   * @param bytesPerSecond what the link carries; `undefined` if that is not known
   */
  paysOver(bytesPerSecond: number | undefined): boolean {
    if (bytesPerSecond === undefined || this.#samples.length === 0) return true;
    return this.#samples.some(({ bytes, packedBytes, ms }) => {
      const savedMs = ((bytes - packedBytes) * 1000) / bytesPerSecond;
      return ms < savedMs;
    });
  }
}
