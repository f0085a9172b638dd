/** What a reader needs of its stream. */
export interface PausableStream {
  pause(): void;
  resume(): void;
}

export interface ByteReaderOptions {
  readonly signal: AbortSignal;
  /** The error of a wait that took this many milliseconds. */
  readonly late: (limitMs: number) => Error;
}

/** Bytes that wait here until the stream is paused. */
const HIGH_BYTES = 1024 * 1024;

/** Output of a program, read piece by piece. Each wait has a time limit; a reader that falls behind stops the program. */
export class ByteReader {
  readonly #options: ByteReaderOptions;
  #stream: PausableStream | undefined;
  #parts: Buffer[] = [];
  #size = 0;
  #isPaused = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(options: ByteReaderOptions) {
    this.#options = options;
  }

  attach(stream: PausableStream): void {
    this.#stream = stream;
    this.#balance();
  }

  push(data: Uint8Array): void {
    this.#parts.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    this.#size += data.byteLength;
    this.#balance();
    this.#wake?.();
  }

  /** No more bytes come. Waits for more reject with the error. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  /** Bytes before the next `end`, which is dropped. Rejects with `long` where there are more than `maxBytes`. */
  async until(end: number, maxBytes: number, limitMs: number, long: () => Error): Promise<Buffer> {
    const found: Buffer[] = [];
    let size = 0;
    for (;;) {
      const [part] = this.#parts;
      if (part === undefined) {
        // oxlint-disable-next-line no-await-in-loop -- the bytes come one after the other
        await this.#more(limitMs);
        continue;
      }
      const at = part.indexOf(end);
      const bytes = at === -1 ? part : part.subarray(0, at);
      found.push(bytes);
      size += bytes.length;
      this.#drop(at === -1 ? part.length : at + 1);
      if (size > maxBytes) throw long();
      if (at !== -1) return Buffer.concat(found, size);
    }
  }

  /** The next bytes: at least one, at most `maxBytes`. */
  async some(maxBytes: number, limitMs: number): Promise<Buffer> {
    for (;;) {
      const [part] = this.#parts;
      if (part !== undefined) {
        const bytes = part.subarray(0, maxBytes);
        this.#drop(bytes.length);
        return bytes;
      }
      // oxlint-disable-next-line no-await-in-loop -- the bytes come one after the other
      await this.#more(limitMs);
    }
  }

  #drop(count: number): void {
    const part = this.#parts[0] ?? Buffer.alloc(0);
    if (count < part.length) this.#parts[0] = part.subarray(count);
    else this.#parts.shift();
    this.#size -= count;
    this.#balance();
  }

  #balance(): void {
    if (this.#stream === undefined) return;
    const isFull = this.#size > (this.#isPaused ? HIGH_BYTES / 2 : HIGH_BYTES);
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.#stream.pause();
    else this.#stream.resume();
  }

  async #more(limitMs: number): Promise<void> {
    const { signal, late } = this.#options;
    if (signal.aborted) throw signal.reason;
    if (this.#failure !== undefined) throw this.#failure;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(late(limitMs)), limitMs);
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#wake = resolve;
    try {
      await promise;
    } finally {
      this.#wake = undefined;
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }
}
