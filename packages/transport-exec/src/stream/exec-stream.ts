import type { ClusterConnection, ClusterSocket, Target } from "@kinsync/core/contract";
import { parseStatus, type ExecStatus } from "./exec-status.ts";
import { LinkMeter } from "./link-meter.ts";

/** v5 can end standard input and still read output. API servers before 1.30 and some runtimes support only v4. */
const PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const CLOSE = 255;

/** Payload of one message. The server buffers whole messages and doubles its buffer, so small messages save its memory. */
const FRAME_BYTES = 64 * 1024;
/** Buffers of sent messages that are reused. New ones each time would cost a quarter of the time in the garbage collector. */
const MAX_SPARE_FRAMES = 8;
/** Bytes that may wait in this process for one socket. A slow container delays only itself. */
const HIGH_WATER_BYTES = 256 * 1024;
/** So many bytes are sent in pieces, each of which can be compressed or not by what was measured until then. */
const UNCERTAIN_BYTES = 1024 * 1024;
/** Time for the closing handshake. The status of the process was received before. */
const CLOSE_GRACE_MS = 2_000;

/** How a stream ended. Exactly one of these, always. */
export type ExecEnd =
  /** The server reported how the process ended. `Success` proves nothing: a kubelet that dies reports it, too. */
  | { readonly why: "status"; readonly status: ExecStatus }
  /** The connection was closed properly, without a status. */
  | { readonly why: "closed"; readonly code: number; readonly reason: string }
  /** The connection broke. */
  | { readonly why: "error"; readonly error: Error };

export interface ExecStreamOptions {
  readonly signal: AbortSignal;
  /** Milliseconds for the handshake. */
  readonly handshakeTimeout: number;
  /** Milliseconds between pings of the WebSocket, which keep load balancers from cutting an idle connection. */
  readonly pingInterval: number;
  readonly onStdout: (data: Uint8Array) => void;
  readonly onStderr: (data: Uint8Array) => void;
}

/**
 * One command in one container over a WebSocket: standard input with back-pressure, output by callbacks, and exactly one end. An open
 * stream does not prove that the process runs: the API server responds before it connects to the kubelet.
 */
export class ExecStream implements AsyncDisposable {
  /** Settles once, however the stream ends; never rejects. */
  readonly ended: Promise<ExecEnd>;
  readonly protocol: string;
  readonly #socket: ClusterSocket;
  readonly #end = Promise.withResolvers<ExecEnd>();
  readonly #pinger: NodeJS.Timeout;
  #status: ExecStatus | undefined;
  #closed = false;
  #isSilent = true;
  #parts: Uint8Array[] = [];
  #partsSize = 0;
  #flushing = false;
  #drains: (() => void)[] = [];
  #sinceYield = 0;
  readonly #frames: Buffer[] = [];
  /** Settles when everything before the closing frame has left this process; `undefined` where the protocol has no last message. */
  #left: Promise<void> | undefined;
  readonly #meter: LinkMeter;

  private constructor(socket: ClusterSocket, isLoopback: boolean, options: ExecStreamOptions) {
    this.#socket = socket;
    this.protocol = socket.protocol;
    this.ended = this.#end.promise;
    this.#meter = new LinkMeter({ ping: () => socket.ping(), isLoopback });
    socket.onPong = () => this.#meter.takePong();
    socket.onMessage = (data) => this.#receive(data, options);
    socket.onClose = ({ code, reason, error }) => {
      if (this.#status !== undefined) this.#finish({ why: "status", status: this.#status });
      else if (error !== undefined) this.#finish({ why: "error", error });
      else this.#finish({ why: "closed", code, reason });
    };
    this.#pinger = setInterval(() => {
      if (!this.#closed) this.#meter.ping();
    }, options.pingInterval);
    this.#pinger.unref();
    this.#meter.start();
  }

  /** Starts `command` in the target's container, without a terminal. Rejects with the server's reason if it refuses. */
  static async open(
    cluster: ClusterConnection,
    target: Pick<Target, "namespace" | "pod" | "container">,
    command: readonly string[],
    options: ExecStreamOptions,
  ): Promise<ExecStream> {
    const path = `/api/v1/namespaces/${encodeURIComponent(target.namespace)}/pods/${encodeURIComponent(target.pod)}/exec`;
    const query = { container: target.container, command, stdin: true, stdout: true, stderr: true, tty: false };
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.handshakeTimeout)]);
    return new ExecStream(
      await cluster.webSocket(path, query, PROTOCOLS, signal),
      isOnLoopback(cluster.server),
      options,
    );
  }

  /** True if standard input can be ended while output is still read. */
  get canHalfClose(): boolean {
    return this.protocol === PROTOCOLS[0];
  }

  /** True if the link to the API server is so slow that compression may pay; for many bytes also while nothing shows that it is not. */
  prefersCompression(bytes: number): boolean {
    return bytes < UNCERTAIN_BYTES ? this.#meter.isSlow : this.#meter.mayBeSlow;
  }

  /** True if an answer is known to take long, however little is sent. */
  get isFar(): boolean {
    return this.#meter.isFar;
  }

  /** What the link to the API server carries in a second; `undefined` until it was measured. */
  get bytesPerSecond(): number | undefined {
    return this.#meter.bytesPerSecond;
  }

  get isOver(): boolean {
    return this.#closed;
  }

  /** True while nothing has come through the WebSocket. An API server greets at once, before it connects to the kubelet. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** Sends bytes to standard input. Small writes in one turn of the event loop share a message. Await `drained` between large writes. */
  write(data: Uint8Array | string): void {
    let bytes = typeof data === "string" ? Buffer.from(data) : data;
    if (!this.#closed && this.#meter.begins(bytes.length)) {
      this.#flush();
      this.#meter.begin();
    }
    this.#meter.count(bytes.length);
    while (this.#partsSize + bytes.length > FRAME_BYTES) {
      const room = FRAME_BYTES - this.#partsSize;
      this.#push(bytes.subarray(0, room));
      this.#flush();
      bytes = bytes.subarray(room);
    }
    if (bytes.length > 0) this.#push(bytes);
    if (this.#meter.isFull) this.#endMeasurement();
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
      if (this.#meter.isOpen) this.#endMeasurement();
    });
  }

  #endMeasurement(): void {
    this.#flush();
    if (!this.#closed) this.#meter.end();
  }

  #push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes);
    this.#partsSize += bytes.length;
  }

  #flush(): void {
    if (this.#partsSize === 0 || this.#closed) {
      this.#parts = [];
      this.#partsSize = 0;
      return;
    }
    const isFull = this.#partsSize === FRAME_BYTES;
    const frame = (isFull ? this.#frames.pop() : undefined) ?? Buffer.allocUnsafe(1 + this.#partsSize);
    frame[0] = STDIN;
    let offset = 1;
    for (const part of this.#parts) {
      frame.set(part, offset);
      offset += part.length;
    }
    this.#sinceYield += this.#partsSize;
    this.#parts = [];
    this.#partsSize = 0;
    this.#socket.send(frame, () => {
      if (isFull && this.#frames.length < MAX_SPARE_FRAMES) this.#frames.push(frame);
      this.#wakeDrains();
    });
  }

  #wakeDrains(): void {
    if (!this.#closed && this.#socket.bufferedAmount > HIGH_WATER_BYTES / 2) return;
    const drains = this.#drains;
    this.#drains = [];
    for (const drain of drains) drain();
  }

  /** Resolves when there is room for more, or the stream ended. Yields to other streams. */
  async drained(): Promise<void> {
    if (this.#sinceYield >= HIGH_WATER_BYTES) {
      this.#sinceYield = 0;
      // While the kernel accepts all bytes, callbacks of `send` may run without leaving this turn of the event loop.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    if (this.#closed || this.#socket.bufferedAmount <= HIGH_WATER_BYTES) return;
    await new Promise<void>((resolve) => this.#drains.push(resolve));
  }

  /** Stops reading. The back-pressure reaches the process in the container. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends standard input. v4 cannot do that, so it closes the whole stream. */
  endInput(): void {
    this.#flush();
    if (this.#closed) return;
    if (this.canHalfClose) this.#socket.send(Uint8Array.of(CLOSE, STDIN));
    else this.close();
  }

  /** Begins the closing handshake, and drops the connection if that takes too long. */
  close(): void {
    if (this.#closed) return;
    this.#flush();
    if (this.canHalfClose && this.#left === undefined) {
      // The server's answer to a closing frame takes a round trip, and nobody needs it.
      const left = Promise.withResolvers<void>();
      this.#left = left.promise;
      this.#socket.send(Uint8Array.of(CLOSE, STDIN), () => left.resolve());
    }
    this.#socket.close(1000);
    this.#dropLater();
  }

  /** Drops the connection now. */
  drop(): void {
    if (!this.#closed) this.#socket.terminate();
  }

  #dropLater(): void {
    const timer = setTimeout(() => this.drop(), CLOSE_GRACE_MS);
    timer.unref();
    void this.ended.then(() => clearTimeout(timer));
  }

  #receive(data: Uint8Array, options: ExecStreamOptions): void {
    this.#isSilent = false;
    const payload = data.subarray(1);
    // The server greets with an empty message on each channel.
    if (payload.length === 0) return;
    switch (data[0]) {
      case STDOUT:
        options.onStdout(payload);
        break;
      case STDERR:
        options.onStderr(payload);
        break;
      case STATUS:
        if (this.#status !== undefined) break;
        this.#status = parseStatus(payload);
        this.#socket.close(1000);
        this.#dropLater();
        break;
      default:
        // Close signals of the server, and channels of later protocols.
        break;
    }
  }

  #finish(end: ExecEnd): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#pinger);
    this.#meter.stop();
    this.#parts = [];
    this.#partsSize = 0;
    this.#end.resolve(end);
    this.#wakeDrains();
  }

  /** Begins the closing handshake, and settles when all that was written has left this process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await (this.#left === undefined ? this.ended : Promise.race([this.#left, this.ended]));
  }
}

/** True for an address of this machine. It may be the near end of a tunnel. */
function isOnLoopback(server: string): boolean {
  const host = URL.canParse(server) ? new URL(server).hostname : "";
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
