import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { cleanText } from "../../text/clean.ts";
import type { ClusterSocket } from "../../contract/cluster.ts";
import { failureOf, IdleTimeout, type Endpoint } from "./failure.ts";
import { failureOfUpgrade, type Refusal } from "./upgrade-error.ts";
import type { ConnectionPool } from "./pool.ts";

/** Limit for one message from the server. Its own frames are 32 KiB. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** How much of a refusal is read. */
const MAX_REFUSAL_BYTES = 64 * 1024;
/** Time that the server has to answer our close frame. */
const CLOSE_TIMEOUT_MS = 5_000;

export interface UpgradeCall {
  /** With the query. */
  readonly path: string;
  readonly protocols: readonly string[];
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly signal: AbortSignal;
  /** Milliseconds from the request, on an open connection, to the server's answer. */
  readonly timeout: number;
}

/** Opens a WebSocket on its own connection, or returns the server's refusal. */
export async function upgrade(
  pool: ConnectionPool,
  call: UpgradeCall,
  endpoint: Endpoint,
): Promise<CallerSocket | Refusal> {
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
        // The API server supports no extension.
        perMessageDeflate: false,
        maxPayload: MAX_MESSAGE_BYTES,
        closeTimeout: CLOSE_TIMEOUT_MS,
        // Masks keep a browser's page from forging requests to old proxies. kinsync runs no pages, and a mask of zeros saves a copy of every chunk.
        generateMask: (mask: Buffer) => void mask.fill(0),
      } as ConstructorParameters<typeof WebSocket>[2]),
  );
  const fail = (error: unknown) => {
    reject(failureOfUpgrade(error, endpoint, signal));
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
    // From here on the CallerSocket handles errors, and holds messages until its owner is ready.
    socket.off("error", fail);
    resolve(new CallerSocket(socket, endpoint));
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

/** A request that cannot be built must not leave its connection open. */
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
      if (size > MAX_REFUSAL_BYTES) break;
      chunks.push(bytes);
    }
  } catch {
    // The part that was received is used.
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

/** A `ws` socket with the guarantees of `ClusterSocket`. */
export class CallerSocket implements ClusterSocket {
  readonly protocol: string;
  onMessage: ((data: Uint8Array) => void) | undefined;
  onPong: (() => void) | undefined;
  readonly #socket: WebSocket;
  #onClose: ((end: End) => void) | undefined;
  #end: End | undefined;
  #error: Error | undefined;
  #isCloseReported = false;
  /** Held back until the owner has set its functions: bytes may arrive together with the answer to the upgrade. */
  #isHeld = true;
  #isPaused = false;
  #isOurs = false;

  constructor(socket: WebSocket, endpoint: Endpoint) {
    this.#socket = socket;
    this.protocol = socket.protocol;
    socket.binaryType = "nodebuffer";
    socket.pause();
    setImmediate(() => this.#release());
    socket.on("message", (data) => this.onMessage?.(data as Buffer));
    socket.on("pong", () => this.onPong?.());
    socket.on("error", (error) => {
      this.#error ??= failureOf(error, endpoint) as Error;
    });
    socket.on("close", (code, reason) => {
      // 1006: no closing handshake. If kinsync did not end the connection, that is a failure, even without an error event.
      if (code === 1006 && !this.#isOurs) this.#error ??= failureOf(cut(), endpoint) as Error;
      const error = this.#error;
      this.#end = { code, reason: cleanText(reason.toString("utf8")), ...(error === undefined ? {} : { error }) };
      this.#reportClose();
    });
  }

  /** For the list of open sockets; the owner uses `onClose`. */
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
    // The socket may have closed before its owner set the listener.
    if (this.#end !== undefined && !this.#isCloseReported) queueMicrotask(() => this.#reportClose());
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
    // The server's own close frame must be read, also behind paused messages.
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

  #reportClose(): void {
    const end = this.#end;
    if (end === undefined || this.#isCloseReported || this.#onClose === undefined) return;
    this.#isCloseReported = true;
    this.#onClose(end);
  }
}

function cut(): Error {
  return Object.assign(new Error("ended without a closing handshake"), { code: "ECONNRESET" });
}
