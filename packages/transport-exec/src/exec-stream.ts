import type { ClusterConnection, ClusterSocket, Target } from "@kinsync/core/contract";
import { parseStatus, type ExecStatus } from "./exec-status.ts";

/** v5 can end standard input and still read the rest; v4 is what API servers before 1.30 and some runtimes speak. */
const PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const CLOSE = 255;

/** Payload of one message. The server reads a message whole and grows its buffer by doubling, so small ones are kinder to it. */
const FRAME = 64 * 1024;
/** Full messages that were sent and are used again: made anew, they would keep the garbage collector busy for a quarter of the time. */
const KEPT_FRAMES = 8;
/** Bytes that may wait in this process for one socket. A slow container lags only itself. */
const HIGH_WATER = 256 * 1024;
/** A process that ended has its status sent at once; what comes after it is only the closing handshake. */
const CLOSE_GRACE = 2_000;

/** How a stream ended. Exactly one of these, always. */
export type ExecEnd =
  /** The server told how the process ended. `Success` proves nothing: a kubelet that dies says so, too. */
  | { readonly why: "status"; readonly status: ExecStatus }
  /** The connection was closed in order, without a status. */
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
 * One command in one container over a WebSocket: standard input with back-pressure, output by callbacks, and an end that always
 * comes. That it is open does not mean that the process runs: the API server answers before it asks the kubelet.
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
  #parts: Uint8Array[] = [];
  #partsSize = 0;
  #flushing = false;
  #drains: (() => void)[] = [];
  #sinceYield = 0;
  readonly #frames: Buffer[] = [];

  private constructor(socket: ClusterSocket, options: ExecStreamOptions) {
    this.#socket = socket;
    this.protocol = socket.protocol;
    this.ended = this.#end.promise;
    socket.onMessage = (data) => this.#receive(data, options);
    socket.onClose = ({ code, reason, error }) => {
      if (this.#status !== undefined) this.#finish({ why: "status", status: this.#status });
      else if (error !== undefined) this.#finish({ why: "error", error });
      else this.#finish({ why: "closed", code, reason });
    };
    this.#pinger = setInterval(() => {
      if (!this.#closed) socket.ping();
    }, options.pingInterval);
    this.#pinger.unref();
  }

  /** Starts `command` in the target's container, without a terminal. Rejects with the server's reason where it refuses. */
  static async open(
    cluster: ClusterConnection,
    target: Pick<Target, "namespace" | "pod" | "container">,
    command: readonly string[],
    options: ExecStreamOptions,
  ): Promise<ExecStream> {
    const path = `/api/v1/namespaces/${encodeURIComponent(target.namespace)}/pods/${encodeURIComponent(target.pod)}/exec`;
    const query = { container: target.container, command, stdin: true, stdout: true, stderr: true, tty: false };
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.handshakeTimeout)]);
    return new ExecStream(await cluster.webSocket(path, query, PROTOCOLS, signal), options);
  }

  /** Whether standard input can be ended while output is still read. */
  get canHalfClose(): boolean {
    return this.protocol === PROTOCOLS[0];
  }

  get isOver(): boolean {
    return this.#closed;
  }

  /** Sends bytes to standard input. Small writes of one turn of the event loop leave in one message. Await `drained` between large ones. */
  write(data: Uint8Array | string): void {
    let bytes = typeof data === "string" ? Buffer.from(data) : data;
    while (this.#partsSize + bytes.length > FRAME) {
      const room = FRAME - this.#partsSize;
      this.#push(bytes.subarray(0, room));
      this.#flush();
      bytes = bytes.subarray(room);
    }
    if (bytes.length > 0) this.#push(bytes);
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
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
    const isFull = this.#partsSize === FRAME;
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
      if (isFull && this.#frames.length < KEPT_FRAMES) this.#frames.push(frame);
      this.#wakeDrains();
    });
  }

  #wakeDrains(): void {
    if (!this.#closed && this.#socket.bufferedAmount > HIGH_WATER / 2) return;
    const drains = this.#drains;
    this.#drains = [];
    for (const drain of drains) drain();
  }

  /** Resolves when there is room for more, and lets other streams have their turn; also when the stream is over. */
  async drained(): Promise<void> {
    if (this.#sinceYield >= HIGH_WATER) {
      this.#sinceYield = 0;
      // Callbacks of `send` may run without ever leaving this turn of the event loop while the kernel takes everything.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    if (this.#closed || this.#socket.bufferedAmount <= HIGH_WATER) return;
    await new Promise<void>((resolve) => this.#drains.push(resolve));
  }

  /** Stops and continues reading; the pressure reaches the process in the container. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends standard input. On v4, where that is impossible, the whole stream is closed. */
  endInput(): void {
    this.#flush();
    if (this.#closed) return;
    if (this.canHalfClose) this.#socket.send(Uint8Array.of(CLOSE, STDIN));
    else this.close();
  }

  /** Begins the closing handshake, and drops the connection where it takes too long. */
  close(): void {
    if (this.#closed) return;
    this.#flush();
    this.#socket.close(1000);
    this.#dropLater();
  }

  /** Drops the connection now. */
  drop(): void {
    if (!this.#closed) this.#socket.terminate();
  }

  #dropLater(): void {
    const timer = setTimeout(() => this.drop(), CLOSE_GRACE);
    timer.unref();
    void this.ended.then(() => clearTimeout(timer));
  }

  #receive(data: Uint8Array, options: ExecStreamOptions): void {
    const payload = data.subarray(1);
    // An empty message on a channel is the server's greeting.
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
        // Close signals of the server's side, and channels of later protocols.
        break;
    }
  }

  #finish(end: ExecEnd): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#pinger);
    this.#parts = [];
    this.#partsSize = 0;
    this.#end.resolve(end);
    this.#wakeDrains();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.ended;
  }
}
