// A relay that behaves as a link to a cluster far away. It is a SOCKS proxy, so that names and certificates stay as they are. Started by far-link.ts in a process of its own, so that it shares no event loop
// with what is measured.
import { connect, createServer, type Socket } from "node:net";

export interface Link {
  /** Where the relay connects to. */
  readonly host: string;
  readonly port: number;
  /** Milliseconds that each byte takes in one direction. */
  readonly delayMs: number;
  /** What each direction carries, all connections together. */
  readonly bytesPerSecond: number;
}

/** Bytes that a connection sends before the next one has its turn. */
const SLICE_BYTES = 4 * 1024;
/** Bytes of one connection that wait for the link; then the sender waits, too. */
const MAX_WAITING_BYTES = 64 * 1024;
const TICK_MS = 2;
/** A link that was idle carries at once what fits into this time. */
const BURST_MS = 4;

/** The bytes of one connection in one direction. */
interface Flow {
  readonly from: Socket;
  readonly to: Socket;
  waiting: Buffer[];
  waitingBytes: number;
  isEnded: boolean;
}

/** One direction of the link. */
class Direction {
  readonly #link: Link;
  #flows: Flow[] = [];
  readonly #travelling: { readonly atMs: number; readonly arrive: () => void }[] = [];
  #budget = 0;
  #tickedAtMs = performance.now();

  constructor(link: Link) {
    this.#link = link;
    setInterval(() => this.#tick(), TICK_MS);
  }

  add(from: Socket, to: Socket): void {
    const flow: Flow = { from, to, waiting: [], waitingBytes: 0, isEnded: false };
    this.#flows.push(flow);
    from.on("data", (data: Buffer) => {
      flow.waiting.push(data);
      flow.waitingBytes += data.length;
      if (flow.waitingBytes > MAX_WAITING_BYTES) from.pause();
    });
    from.on("end", () => {
      flow.isEnded = true;
    });
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#flows = this.#flows.filter((each) => each !== flow || each.waitingBytes > 0);
      if (!flow.isEnded) to.destroy();
    });
  }

  #tick(): void {
    const nowMs = performance.now();
    const perMs = this.#link.bytesPerSecond / 1000;
    this.#budget = Math.min(
      this.#budget + (nowMs - this.#tickedAtMs) * perMs,
      (nowMs - this.#tickedAtMs + BURST_MS) * perMs,
    );
    this.#tickedAtMs = nowMs;
    for (let hasSent = true; hasSent && this.#budget > 0;) {
      hasSent = false;
      for (const flow of this.#flows) if (this.#budget > 0 && this.#send(flow, nowMs)) hasSent = true;
    }
    for (const flow of this.#flows) if (flow.isEnded && flow.waitingBytes === 0) this.#finish(flow, nowMs);
    while (this.#travelling[0] !== undefined && this.#travelling[0].atMs <= nowMs) this.#travelling.shift()?.arrive();
  }

  #send(flow: Flow, nowMs: number): boolean {
    const [first] = flow.waiting;
    if (first === undefined) return false;
    const slice = first.subarray(0, SLICE_BYTES);
    if (slice.length === first.length) flow.waiting.shift();
    else flow.waiting[0] = first.subarray(SLICE_BYTES);
    flow.waitingBytes -= slice.length;
    this.#budget -= slice.length;
    if (flow.waitingBytes <= MAX_WAITING_BYTES) flow.from.resume();
    this.#travelling.push({ atMs: nowMs + this.#link.delayMs, arrive: () => flow.to.write(slice) });
    return true;
  }

  #finish(flow: Flow, nowMs: number): void {
    this.#flows = this.#flows.filter((each) => each !== flow);
    this.#travelling.push({ atMs: nowMs + this.#link.delayMs, arrive: () => flow.to.end() });
  }
}

/** Answers the two messages of SOCKS 5 that come before the bytes. All connections go to the same server. */
function acceptSocks(client: Socket, connected: () => void): void {
  client.once("data", () => {
    client.write(Uint8Array.of(5, 0));
    client.once("data", () => {
      client.write(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
      connected();
    });
  });
}

process.once("message", (link: Link) => {
  const up = new Direction(link);
  const down = new Direction(link);
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: link.host, port: link.port, noDelay: true, allowHalfOpen: true });
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
    acceptSocks(client, () => {
      up.add(client, upstream);
      down.add(upstream, client);
    });
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    process.send?.(typeof address === "object" ? address?.port : undefined);
  });
});
process.once("disconnect", () => process.exit());
process.on("SIGINT", () => {});
