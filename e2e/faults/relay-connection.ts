import type { Socket } from "node:net";

/** What a connection is used for, by the request that was sent last. */
export type Use = "exec" | "watch" | "other";

/**
 * - `reset`: both sides are notified of the end of the connection, as by a firewall or a load balancer.
 * - `silence`: no byte passes and no side is notified, as when packets are lost.
 */
export type Disruption = "reset" | "silence";

/** The relay of a connection. */
export interface ConnectionOwner {
  /** Value of the header `host` for the API server. */
  readonly host: string;
  /** What an exec stream carries in a second from kinsync, in bytes. `undefined`: as much as the machine can. */
  execBytesPerSecond(): number | undefined;
  /** How many bytes of a chunk from kinsync may pass. */
  allowance(connection: RelayConnection, bytes: number): number;
  /** A chunk from kinsync passed, or an answer of the API server arrived. May disrupt the connection. */
  onTraffic(connection: RelayConnection, direction: "sent" | "answer"): void;
  /** The API server reported that the version of a watch expired. */
  onExpired(): void;
}

export interface ConnectionSockets {
  /** To kinsync. */
  readonly client: Socket;
  /** To the API server. */
  readonly server: Socket;
  /** The same two below TLS. */
  readonly raw: readonly [client: Socket, server: Socket];
}

/** One connection of kinsync and the connection to the API server that continues it. */
export class RelayConnection {
  use: Use = "other";
  /** Bytes from kinsync since a disruption was planned. */
  sentBytes = 0;
  isDisrupted = false;
  readonly #owner: ConnectionOwner;
  readonly #sockets: ConnectionSockets;
  /** Chunks that did not pass, in order. */
  readonly #held: { readonly to: Socket; readonly chunk: Buffer }[] = [];

  constructor(owner: ConnectionOwner, sockets: ConnectionSockets) {
    this.#owner = owner;
    this.#sockets = sockets;
    const { client, server } = sockets;
    this.#connect(client, server, (chunk) => this.#passFromClient(chunk));
    this.#connect(server, client, (chunk) => this.#passFromServer(chunk));
  }

  disrupt(disruption: Disruption): void {
    this.isDisrupted = true;
    const { client, server, raw } = this.#sockets;
    if (disruption === "reset") for (const socket of raw) socket.resetAndDestroy();
    else for (const socket of [client, server]) socket.pause();
  }

  resume(): void {
    if (!this.isDisrupted) return;
    this.isDisrupted = false;
    const { client, server } = this.#sockets;
    for (const { to, chunk } of this.#held.splice(0)) to.write(chunk);
    for (const socket of [client, server]) socket.resume();
  }

  destroy(): void {
    const { client, server, raw } = this.#sockets;
    for (const socket of [client, server, ...raw]) socket.destroy();
  }

  #passFromClient(chunk: Buffer): number {
    const bytes = this.#owner.allowance(this, chunk.length);
    this.sentBytes += bytes;
    this.#owner.onTraffic(this, "sent");
    return bytes;
  }

  #passFromServer(chunk: Buffer): number {
    if (this.use !== "exec" && /"code":\s?410\b/.test(chunk.toString("latin1"))) this.#owner.onExpired();
    this.#owner.onTraffic(this, "answer");
    return this.isDisrupted ? 0 : chunk.length;
  }

  /** Replaces the host of a request, which an API server may check. */
  #withHost(chunk: Buffer): Buffer {
    if (this.use === "exec") return chunk;
    const text = chunk.toString("latin1");
    const path = /^(?:GET|POST) (\S+) HTTP\/1\.1\r\n/.exec(text)?.[1];
    if (path === undefined) return chunk;
    this.use = useOf(path);
    return Buffer.from(text.replace(/(?<=\r\nhost: )[^\r]+/i, this.#owner.host), "latin1");
  }

  /** @param pass returns how many bytes of a chunk pass; it may disrupt the connection */
  #connect(from: Socket, to: Socket, pass: (chunk: Buffer) => number): void {
    from.on("data", (bytes: Buffer) => {
      const chunk = from === this.#sockets.client ? this.#withHost(bytes) : bytes;
      const passing = pass(chunk);
      if (passing < chunk.length) this.#held.push({ to, chunk: chunk.subarray(passing) });
      if (passing === 0 || to.destroyed) return;
      const resume = (): void => {
        if (!this.isDisrupted) from.resume();
      };
      const isFull = !to.write(chunk.subarray(0, passing));
      const rate = from === this.#sockets.client && this.use === "exec" ? this.#owner.execBytesPerSecond() : undefined;
      if (rate === undefined && !isFull) return;
      from.pause();
      if (rate !== undefined) setTimeout(resume, (passing / rate) * 1_000);
      else to.once("drain", resume);
    });
    from.on("end", () => {
      if (!this.isDisrupted) to.end();
    });
    from.on("error", () => {});
    from.once("close", () => {
      // When packets are lost, the other side is not notified.
      if (!this.isDisrupted) to.destroy();
    });
  }
}

function useOf(path: string): Use {
  if (/\/exec\?/.test(path)) return "exec";
  return /[?&]watch=true/.test(path) ? "watch" : "other";
}
