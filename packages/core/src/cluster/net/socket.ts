import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { cleanText } from "../../text/clean.ts";
import type { ClusterSocket } from "../../contract/cluster.ts";
import { failureOf, IdleTimeout, type Asked } from "./failure.ts";
import type { ConnectionPool } from "./pool.ts";

/** Bytes of one message from the server. Its own frames are 32 KiB. */
const LARGEST_MESSAGE = 16 * 1024 * 1024;
/** Bytes of a refusal that are read. */
const LARGEST_REFUSAL = 64 * 1024;
/** Milliseconds that the server has to answer our close. */
const CLOSE_TIMEOUT = 5000;

/** The server would not open the WebSocket. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, or text, or `undefined`. */
  readonly body: unknown;
}

export interface UpgradeCall {
  /** With the query. */
  readonly path: string;
  readonly protocols: readonly string[];
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly signal: AbortSignal;
  /** Milliseconds from the request, on a connection that stands, to the server's answer. */
  readonly timeout: number;
}

/** Opens a WebSocket on a connection of its own, or gives what the server said instead. */
export async function upgrade(pool: ConnectionPool, call: UpgradeCall, asked: Asked): Promise<CallerSocket | Refusal> {
  const { signal } = call;
  const [{ WebSocket }, connection] = await Promise.all([import("ws"), pool.dial(signal)]);
  const { server } = pool.route;
  const address = `${server.secure ? "wss" : "ws"}://${server.host}${server.prefix}${call.path}`;
  const { promise, resolve, reject } = Promise.withResolvers<CallerSocket | Refusal>();
  const socket = openOn(
    connection,
    () =>
      new WebSocket(address, [...call.protocols], {
        createConnection: () => connection,
        headers: { ...call.headers, host: server.host } as Record<string, string>,
        // The API server handles no extension.
        perMessageDeflate: false,
        maxPayload: LARGEST_MESSAGE,
        closeTimeout: CLOSE_TIMEOUT,
        // Masks keep a browser's page from forging requests to old proxies. There is no page here, and a mask of zeros spares a copy of every chunk.
        generateMask: (mask: Buffer) => void mask.fill(0),
      } as ConstructorParameters<typeof WebSocket>[2]),
  );
  const fail = (error: unknown) => {
    reject(failureOf(error, asked, signal));
    socket.terminate();
    connection.destroy();
  };
  const timer = setTimeout(() => fail(new IdleTimeout(call.timeout)), call.timeout);
  const onAbort = () => fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  socket.on("error", fail);
  socket.once("unexpected-response", (_, response: IncomingMessage) => {
    readRefusal(response).then(resolve, fail);
  });
  socket.once("open", () => {
    // From here on it lives by itself: what comes is held until its owner is ready.
    socket.off("error", fail);
    resolve(new CallerSocket(socket, asked));
  });
  try {
    const result = await promise;
    if (!(result instanceof CallerSocket)) {
      socket.terminate();
      connection.destroy();
    }
    return result;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

/** What cannot even be asked must not leave its connection behind. */
function openOn(connection: Socket, make: () => WebSocket): WebSocket {
  try {
    return make();
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

async function readRefusal(response: IncomingMessage): Promise<Refusal> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response) {
      const bytes = chunk as Buffer;
      size += bytes.length;
      if (size > LARGEST_REFUSAL) break;
      chunks.push(bytes);
    }
  } catch {
    // What came so far has to do.
  }
  const text = Buffer.concat(chunks).toString("utf8");
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // Text of a proxy.
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name] = String(value);
  }
  return { status: response.statusCode ?? 0, headers, body };
}

type End = Parameters<NonNullable<ClusterSocket["onClose"]>>[0];

/** A `ws` socket with the promises of `ClusterSocket`. */
export class CallerSocket implements ClusterSocket {
  readonly protocol: string;
  onMessage: ((data: Uint8Array) => void) | undefined;
  onPong: (() => void) | undefined;
  readonly #socket: WebSocket;
  #onClose: ((end: End) => void) | undefined;
  #end: End | undefined;
  #error: Error | undefined;
  #isTold = false;
  /** Held back until the owner has set its functions: bytes may have come together with the answer to the upgrade. */
  #isHeld = true;
  #isPaused = false;
  #isOurs = false;

  constructor(socket: WebSocket, asked: Asked) {
    this.#socket = socket;
    this.protocol = socket.protocol;
    socket.binaryType = "nodebuffer";
    socket.pause();
    setImmediate(() => this.#release());
    socket.on("message", (data) => this.onMessage?.(data as Buffer));
    socket.on("pong", () => this.onPong?.());
    socket.on("error", (error) => {
      this.#error ??= failureOf(error, asked) as Error;
    });
    socket.on("close", (code, reason) => {
      // 1006: no closing handshake. If that was not our own wish, it is a failure, though nobody named one.
      if (code === 1006 && !this.#isOurs) this.#error ??= failureOf(cut(), asked) as Error;
      const error = this.#error;
      this.#end = { code, reason: cleanText(reason.toString("utf8")), ...(error === undefined ? {} : { error }) };
      this.#tell();
    });
  }

  /** For the one who keeps account of open sockets; the owner has `onClose`. */
  whenClosed(done: () => void): void {
    this.#socket.once("close", done);
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  get onClose(): ((end: End) => void) | undefined {
    return this.#onClose;
  }

  set onClose(value: ((end: End) => void) | undefined) {
    this.#onClose = value;
    // It may have ended before its owner came to listen.
    if (this.#end !== undefined && !this.#isTold) queueMicrotask(() => this.#tell());
  }

  send(data: Uint8Array, done?: (error?: Error) => void): void {
    this.#socket.send(data, { binary: true }, (error) => {
      if (error === undefined || error === null) done?.();
      else done?.(error);
    });
  }

  ping(): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isHeld) this.#socket.resume();
  }

  close(code = 1000): void {
    this.#isOurs = true;
    this.#socket.close(code);
    // The server's own close frame must be read, whatever waits before it.
    this.#isPaused = false;
    this.#release();
    this.#socket.resume();
  }

  terminate(): void {
    this.#isOurs = true;
    this.#socket.terminate();
  }

  #release(): void {
    this.#isHeld = false;
    if (!this.#isPaused) this.#socket.resume();
  }

  #tell(): void {
    const end = this.#end;
    if (end === undefined || this.#isTold || this.#onClose === undefined) return;
    this.#isTold = true;
    this.#onClose(end);
  }
}

function cut(): Error {
  return Object.assign(new Error("ended without a closing handshake"), { code: "ECONNRESET" });
}
