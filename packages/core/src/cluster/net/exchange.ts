import type { ClientRequest, IncomingMessage } from "node:http";
import { IdleTimeout } from "./failure.ts";
import { request as sendHttp } from "./http.ts";
import type { ConnectionPool } from "./pool.ts";

/** By name; a list is one header for each of its values. */
export type Headers = Readonly<Record<string, string | readonly string[]>>;

/** One HTTP request. */
export interface Call {
  readonly method: "GET" | "POST" | "PATCH";
  /** With the query. The exchange adds the server's prefix. */
  readonly path: string;
  readonly headers: Headers;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** Milliseconds without a single byte. */
  readonly idleTimeout: number;
}

/** The head of an answer; its body follows. */
export interface Exchange {
  readonly message: IncomingMessage;
  /** Starts or restarts the time limit for the next byte. */
  expect(): void;
  /** Stops that time limit: the reader is busy, or the body is complete. */
  rest(): void;
  /** Ends the exchange now; a connection with an unread body is dropped. */
  drop(error?: Error): void;
}

/** Sends a request and settles with the head of the answer. Every request here can be repeated, so a connection that the server closed while it was unused, or that is dead by now, costs a second try and does not fail. */
export async function exchange(pool: ConnectionPool, call: Call): Promise<Exchange> {
  for (;;) {
    try {
      return await attempt(pool, call);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
    }
  }
}

/** A kept connection turned out to be closed or dead. Each occurs once, since the connection then leaves the pool. */
class StaleConnection extends Error {}

async function attempt(pool: ConnectionPool, call: Call): Promise<Exchange> {
  const { signal } = call;
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { server } = pool.route;
  const request: ClientRequest = sendHttp({
    agent: pool,
    method: call.method,
    host: server.hostname,
    port: server.port,
    path: server.prefix + call.path,
    headers: { host: server.host, ...call.headers } as Record<string, string | string[]>,
  });
  let message: IncomingMessage | undefined;
  const drop = (error?: Error) => {
    if (message === undefined) request.destroy(error);
    else message.destroy(error);
  };
  const onAbort = () => drop(new DOMException("aborted", "AbortError"));
  let timer: NodeJS.Timeout | undefined;
  let keptTimer: NodeJS.Timeout | undefined;
  const rest = () => clearTimeout(timer);
  const expect = () => {
    rest();
    timer = setTimeout(() => drop(new IdleTimeout(call.idleTimeout)), call.idleTimeout);
  };
  const settle = () => {
    clearTimeout(keptTimer);
    rest();
    signal.removeEventListener("abort", onAbort);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  request.once("socket", () => {
    if (!request.reusedSocket) return;
    keptTimer = setTimeout(() => {
      pool.distrust();
      request.destroy(new StaleConnection());
    }, pool.timeouts.kept);
  });
  request.once("response", (response) => {
    clearTimeout(keptTimer);
    message = response;
    expect();
    // Also where no caller reads on: without a listener an error would become an uncaught exception.
    response.on("error", () => undefined).once("close", settle);
    resolve(response);
  });
  request.once("upgrade", (_, socket) => {
    settle();
    socket.destroy();
    reject(new Error("it changed the protocol without a request"));
  });
  request.on("error", (error: NodeJS.ErrnoException) => {
    settle();
    const isClosed = request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
    reject(isClosed && !signal.aborted ? new StaleConnection() : error);
  });
  request.end(call.body);
  expect();
  return { message: await promise, expect, rest, drop };
}
