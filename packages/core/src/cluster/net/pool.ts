import type { ClientRequestArgs } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { dial, type Route } from "./dial.ts";
import { Agent } from "./http.ts";
import type { TlsClient } from "./tls.ts";

/** Milliseconds that an unused connection is kept. Below what servers and load balancers keep theirs. */
const KEEP = 55_000;

/** In milliseconds. */
export interface PoolTimeouts {
  /** Until a connection stands. */
  readonly connect: number;
  /** Until an answer begins over a connection that was kept. */
  readonly kept: number;
}

/** Kept-alive connections to one server with one identity. */
export class ConnectionPool extends Agent {
  readonly route: Route;
  readonly tls: TlsClient | undefined;
  readonly timeouts: PoolTimeouts;
  readonly #stop = new AbortController();

  constructor(route: Route, tls: TlsClient | undefined, timeouts: PoolTimeouts) {
    super({ keepAlive: true, keepAliveMsecs: 30_000, timeout: KEEP, scheduling: "lifo", maxFreeSockets: 16 });
    this.route = route;
    this.tls = tls;
    this.timeouts = timeouts;
  }

  /** A connection of the caller's own, for a WebSocket. */
  async dial(signal: AbortSignal): Promise<Socket> {
    return await dial(this.route, this.tls, {
      signal: AbortSignal.any([signal, this.#stop.signal]),
      timeout: this.timeouts.connect,
    });
  }

  override createConnection(_: ClientRequestArgs, give?: (error: Error | null, socket: Duplex) => void): undefined {
    this.dial(this.#stop.signal).then(
      (socket) => give?.(null, socket),
      (error: unknown) => give?.(error as Error, undefined as unknown as Duplex),
    );
  }

  /** No new request comes: what runs may end, what is unused goes. */
  retire(): void {
    this.maxFreeSockets = 0;
    this.distrust();
  }

  /**
   * Drops what is unused: one kept connection led nowhere, as after a change of networks, and then the others do, too. Each would
   * cost somebody a whole time limit.
   */
  distrust(): void {
    for (const sockets of Object.values(this.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }

  /** Everything ends now. */
  override destroy(): void {
    this.#stop.abort();
    super.destroy();
  }
}
