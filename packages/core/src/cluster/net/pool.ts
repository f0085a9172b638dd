import type { ClientRequestArgs } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { ConnectionsAhead } from "./connections-ahead.ts";
import { dial, type Route } from "./dial.ts";
import { Agent } from "./http.ts";
import type { TlsClient } from "./tls.ts";

/** How long an unused connection is kept: shorter than servers and load balancers keep theirs. */
const KEEP_MS = 55_000;

/** In milliseconds. */
export interface PoolTimeouts {
  /** Until a connection is open. */
  readonly connect: number;
  /** Until an answer begins over a connection that was kept. */
  readonly kept: number;
}

/** Keep-alive connections to one server with one identity. */
export class ConnectionPool extends Agent {
  readonly route: Route;
  readonly tls: TlsClient | undefined;
  readonly timeouts: PoolTimeouts;
  readonly #stop = new AbortController();
  readonly #onConnect: (() => void) | undefined;
  readonly #ahead = new ConnectionsAhead(() => this.#open(this.#stop.signal));

  /** @param onConnect called with each connection that the server or its proxy accepts */
  constructor(route: Route, tls: TlsClient | undefined, timeouts: PoolTimeouts, onConnect?: () => void) {
    super({ keepAlive: true, keepAliveMsecs: 30_000, timeout: KEEP_MS, scheduling: "lifo", maxFreeSockets: 16 });
    this.route = route;
    this.tls = tls;
    this.timeouts = timeouts;
    this.#onConnect = onConnect;
  }

  /** A connection that only the caller uses, for a WebSocket. */
  async dial(signal: AbortSignal): Promise<Socket> {
    const ahead = await this.#ahead.take(signal);
    if (ahead !== undefined) return ahead;
    const begunAtMs = performance.now();
    const socket = await this.#open(signal);
    this.#ahead.note(performance.now() - begunAtMs);
    return socket;
  }

  /** Connections are needed soon, besides those that are kept. */
  openAhead(): void {
    this.#ahead.fill();
  }

  async #open(signal: AbortSignal): Promise<Socket> {
    return await dial(this.route, this.tls, {
      signal: AbortSignal.any([signal, this.#stop.signal]),
      timeout: this.timeouts.connect,
      onConnect: this.#onConnect,
    });
  }

  override createConnection(_: ClientRequestArgs, give?: (error: Error | null, socket: Duplex) => void): undefined {
    this.dial(this.#stop.signal).then(
      (socket) => give?.(null, socket),
      (error: unknown) => give?.(error as Error, undefined as unknown as Duplex),
    );
  }

  /** For the time after the last request: running requests may finish, unused connections close. */
  retire(): void {
    this.maxFreeSockets = 0;
    this.distrust();
  }

  /**
   * Drops unused connections: one kept connection was dead, as after a change of networks, and then the others are, too. Each would
   * cost a caller a whole time limit.
   */
  distrust(): void {
    this.#ahead.drop();
    for (const sockets of Object.values(this.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }

  /** Closes all connections now. */
  override destroy(): void {
    this.#stop.abort();
    this.#ahead.drop();
    super.destroy();
  }
}
