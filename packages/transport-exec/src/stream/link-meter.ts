/** Bytes between two pings of a measurement at least: with fewer, the time between the pongs says little about the link. */
const MIN_SAMPLE_BYTES = 16 * 1024;
/** A measurement ends here, before the buffers on the way are full and the container counts. */
const MAX_SAMPLE_BYTES = 256 * 1024;
/** Milliseconds between two measurements: at first, and once `MAX_SAMPLES` exist. */
const FIRST_INTERVAL_MS = 100;
const INTERVAL_MS = 1_000;
/** Samples that count. Only the best of them does: a busy machine makes a link look slower, never faster. */
const MAX_SAMPLES = 8;
/** A link becomes slow below the first, and is no longer slow above the second. */
const SLOW_BYTES_PER_SECOND = 25_000_000;
const FAST_BYTES_PER_SECOND = 40_000_000;
/** One round trip that is shorter proves that a server is near. */
const NEAR_MS = 1;
/** The same for a server whose address is on this machine, where the other end of a tunnel may be. */
const NEAR_LOOPBACK_MS = 10;
/**
 * From a round trip of so many milliseconds on, what is sent in vain costs less than one more round trip, and a program is compressed where
 * the container can decompress it.
 */
export const FAR_MS = 20;
/** Round trips, one after the other, that must be longer, without one that is shorter, before a server counts as far. */
const FAR_ROUND_TRIPS = 3;
/** Round trips that are measured one after the other for this. */
const MAX_PROBES = 12;
/** A pong that has not come after this long was lost or merged with another one. */
const LOST_MS = 60_000;
/** A link that was not measured may be slow for so long. Then some proxy does not pass pings on. */
const UNKNOWN_MS = 10_000;
/** Milliseconds between two checks of whether this process handles what arrives. */
const TICK_MS = 1;

interface Ping {
  readonly sentAtMs: number;
  /** Bytes that were sent before it. */
  readonly sentBytes: number;
  readonly purpose: "begin" | "end" | "other";
}

export interface LinkMeterOptions {
  readonly ping: () => void;
  /** True if the server's address is on this machine. */
  readonly isLoopback: boolean;
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
 *
 * A busy machine makes each measurement worse, and none better. So one short round trip proves that the server is near, and ends all
 * measurements; a link is slow only if every one of several round trips was long, and the best of the last samples is bad.
 */
export class LinkMeter {
  readonly #options: Required<LinkMeterOptions>;
  readonly #pings: Ping[] = [];
  readonly #samples: number[] = [];
  readonly #nearMs: number;
  #isNear = false;
  #farRoundTrips = 0;
  /** The longest round trip so far, without the time that this process may have been busy; and the shortest one with it. */
  #longestMs = 0;
  #shortestMs = Infinity;
  /** When the last of them ended. Those that were under way then have the same reason to be long. */
  #farUntilMs = -Infinity;
  #probes = 0;
  #isSlow = false;
  #startedAtMs = 0;
  #sentBytes = 0;
  #measuredAtMs = -Infinity;
  /** `sentBytes` of the first ping of the measurement whose second ping was not sent yet. */
  #openedAtBytes: number | undefined;
  /** The first pong of a measurement: its ping, and when it came at the latest and at the earliest. */
  #begun: { readonly ping: Ping; readonly atMs: number; readonly earliestMs: number } | undefined;
  #stopTicks: (() => void) | undefined;
  #tickedAtMs = 0;
  #tickedBeforeMs = 0;

  constructor(options: LinkMeterOptions) {
    this.#options = { now: () => performance.now(), every: everyTick, ...options };
    this.#nearMs = options.isLoopback ? NEAR_LOOPBACK_MS : NEAR_MS;
  }

  /** True if one round trip has surely taken `FAR_MS`, and none surely less. */
  get isFar(): boolean {
    return this.#longestMs >= FAR_MS && this.#shortestMs >= FAR_MS;
  }

  /** True while the link is known to be so slow that compression may pay. */
  get isSlow(): boolean {
    return this.bytesPerSecond !== undefined && this.#farRoundTrips >= FAR_ROUND_TRIPS && this.mayBeSlow;
  }

  /** True while the link is slow, or nothing shows yet that it is not: a process that is busy when a session begins measures nothing. */
  get mayBeSlow(): boolean {
    const { bytesPerSecond } = this;
    if (this.#isNear) return false;
    if (bytesPerSecond === undefined) return this.#options.now() - this.#startedAtMs < UNKNOWN_MS;
    this.#isSlow = bytesPerSecond < (this.#isSlow ? FAST_BYTES_PER_SECOND : SLOW_BYTES_PER_SECOND);
    return this.#isSlow;
  }

  /** What the link carries in a second; `undefined` until it was measured. */
  get bytesPerSecond(): number | undefined {
    if (this.#isNear) return Infinity;
    return this.#samples.length === 0 ? undefined : Math.max(...this.#samples);
  }

  /** Measures the first round trips. The others follow by themselves. */
  start(): void {
    this.#startedAtMs = this.#options.now();
    this.#probe();
  }

  #probe(): void {
    this.#probes += 1;
    this.ping();
  }

  /** Called before bytes are sent. True if the ping of `begin` must come first. */
  begins(bytes: number): boolean {
    if (this.#isNear || this.#openedAtBytes !== undefined || bytes < MIN_SAMPLE_BYTES) return false;
    const intervalMs = this.#samples.length < MAX_SAMPLES ? FIRST_INTERVAL_MS : INTERVAL_MS;
    return this.#options.now() - this.#measuredAtMs >= intervalMs;
  }

  begin(): void {
    this.#measuredAtMs = this.#options.now();
    this.#openedAtBytes = this.#sentBytes;
    this.#send("begin");
  }

  /** Bytes that are sent now. */
  count(bytes: number): void {
    this.#sentBytes += bytes;
  }

  /** True if enough bytes follow the ping of `begin`. */
  get isFull(): boolean {
    return this.#openedAtBytes !== undefined && this.#sentBytes - this.#openedAtBytes >= MAX_SAMPLE_BYTES;
  }

  /** True if the ping of `end` must follow where nothing else is sent for now. */
  get isOpen(): boolean {
    return this.#openedAtBytes !== undefined;
  }

  end(): void {
    this.#openedAtBytes = undefined;
    this.#send("end");
  }

  ping(): void {
    this.#send("other");
  }

  #send(purpose: Ping["purpose"]): void {
    const sentAtMs = this.#options.now();
    const [oldest] = this.#pings;
    if (oldest !== undefined && sentAtMs - oldest.sentAtMs > LOST_MS) {
      this.#pings.length = 0;
      this.#begun = undefined;
    }
    this.#pings.push({ sentAtMs, sentBytes: this.#sentBytes, purpose });
    if (this.#stopTicks === undefined && !this.#isNear) {
      this.#tickedAtMs = this.#tickedBeforeMs = sentAtMs;
      this.#stopTicks = this.#options.every(() => {
        this.#tickedBeforeMs = this.#tickedAtMs;
        this.#tickedAtMs = this.#options.now();
      });
    }
    this.#options.ping();
  }

  takePong(): void {
    const ping = this.#pings.shift();
    if (this.#pings.length === 0) this.stop();
    if (ping === undefined || this.#isNear) return;
    const atMs = this.#options.now();
    const earliestMs = Math.max(this.#tickedBeforeMs, ping.sentAtMs);
    this.#takeRoundTrip(ping.sentAtMs, earliestMs, atMs);
    if (ping.purpose === "begin") this.#begun = { ping, atMs, earliestMs };
    if (ping.purpose !== "end" || this.#begun === undefined) return;
    const begun = this.#begun;
    this.#begun = undefined;
    const bytes = ping.sentBytes - begun.ping.sentBytes;
    // Sent before the other pong came: no pause is part of the time.
    if (bytes < MIN_SAMPLE_BYTES || ping.sentAtMs > begun.atMs) return;
    this.#samples.push((bytes * 1000) / Math.max(atMs - begun.earliestMs, 0.001));
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }

  #takeRoundTrip(sentAtMs: number, earliestMs: number, atMs: number): void {
    this.#longestMs = Math.max(this.#longestMs, earliestMs - sentAtMs);
    this.#shortestMs = Math.min(this.#shortestMs, atMs - sentAtMs);
    if (atMs - sentAtMs < this.#nearMs) {
      this.#isNear = true;
      this.stop();
      return;
    }
    if (earliestMs - sentAtMs >= this.#nearMs && sentAtMs >= this.#farUntilMs) {
      this.#farRoundTrips += 1;
      this.#farUntilMs = atMs;
    }
    const isOpen = this.#farRoundTrips < FAR_ROUND_TRIPS && this.#probes < MAX_PROBES;
    if (isOpen && this.#pings.length === 0) this.#probe();
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
