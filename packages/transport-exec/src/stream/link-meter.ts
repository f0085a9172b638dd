/** Data of at least this size is measured: with less, the time between two pongs says little about the link. */
const MIN_SAMPLE_BYTES = 16 * 1024;
/** Milliseconds between two measurements. */
const INTERVAL_MS = 1_000;
/** A link that carries this many bytes in a second is faster than compression and decompression pay for. 80 Mbit/s */
const FAST_BYTES_PER_SECOND = 10_000_000;
/** Samples that count. Only the best of them does: a busy machine makes a link look slower, never faster. */
const MAX_SAMPLES = 8;
/** A pong that has not come after this long was lost or merged with another one. */
const LOST_MS = 60_000;
/** Milliseconds between two looks at whether this process handles what arrives. */
const TICK_MS = 1;

interface Ping {
  readonly sentAtMs: number;
  /** Bytes that were sent before it. */
  readonly sentBytes: number;
}

export interface LinkMeterOptions {
  readonly ping: () => void;
  /** Default: the clock of this process. */
  readonly now?: () => number;
  /** Calls a function every `TICK_MS` until the returned one is called. Default: a timer of this process. */
  readonly every?: (tick: () => void) => () => void;
}

/**
 * Measures how fast the link to the API server carries data: by the time between the pongs of two pings, one directly before the data
 * and one directly behind it. The server answers a ping when it has read what came before, so neither the delay of the link nor the
 * container counts, and nothing waits for the result.
 *
 * Both pongs seem to come at once where this process was busy when the first one arrived. So it ticks while pings are out, and the time
 * since the tick before the last one counts as time on the link.
 */
export class LinkMeter {
  readonly #options: Required<LinkMeterOptions>;
  readonly #pings: Ping[] = [];
  readonly #samples: number[] = [];
  #sentBytes = 0;
  #measuredAtMs = -Infinity;
  /** The last pong: its ping, and when it came at the earliest. */
  #last: { readonly ping: Ping; readonly atMs: number; readonly earliestMs: number } | undefined;
  #stopTicks: (() => void) | undefined;
  #tickedAtMs = 0;
  #tickedBeforeMs = 0;

  constructor(options: LinkMeterOptions) {
    this.#options = { now: () => performance.now(), every: everyTick, ...options };
  }

  /** True once the link was measured, and is slower than compression. */
  get isSlow(): boolean {
    return this.#samples.length > 0 && Math.max(...this.#samples) < FAST_BYTES_PER_SECOND;
  }

  /** True if data of this size should be sent between two pings. */
  wants(bytes: number): boolean {
    return bytes >= MIN_SAMPLE_BYTES && this.#options.now() - this.#measuredAtMs >= INTERVAL_MS;
  }

  ping(): void {
    const sentAtMs = this.#options.now();
    const [oldest] = this.#pings;
    if (oldest !== undefined && sentAtMs - oldest.sentAtMs > LOST_MS) this.#pings.length = 0;
    this.#pings.push({ sentAtMs, sentBytes: this.#sentBytes });
    this.#measuredAtMs = sentAtMs;
    if (this.#stopTicks === undefined) {
      this.#tickedAtMs = this.#tickedBeforeMs = sentAtMs;
      this.#stopTicks = this.#options.every(() => {
        this.#tickedBeforeMs = this.#tickedAtMs;
        this.#tickedAtMs = this.#options.now();
      });
    }
    this.#options.ping();
  }

  /** Bytes that are sent now. */
  count(bytes: number): void {
    this.#sentBytes += bytes;
  }

  takePong(): void {
    const ping = this.#pings.shift();
    if (this.#pings.length === 0) this.stop();
    if (ping === undefined) return;
    const atMs = this.#options.now();
    const before = this.#last;
    this.#last = { ping, atMs, earliestMs: Math.max(this.#tickedBeforeMs, ping.sentAtMs) };
    if (before === undefined) return;
    const bytes = ping.sentBytes - before.ping.sentBytes;
    // Sent before the other pong came: no pause is part of the time.
    if (bytes < MIN_SAMPLE_BYTES || ping.sentAtMs > before.atMs) return;
    this.#samples.push((bytes * 1000) / Math.max(atMs - before.earliestMs, 0.001));
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }

  /** Expects no more pongs. */
  stop(): void {
    this.#stopTicks?.();
    this.#stopTicks = undefined;
  }
}

function everyTick(tick: () => void): () => void {
  const timer = setInterval(tick, TICK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
