import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Duplex } from "node:stream";

/** A server on 127.0.0.1 that destroys its connections, and those that it opened itself, when it is disposed. */
export class LoopbackServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket: Socket) => this.own(socket));
  }

  static async listen(server: Server): Promise<LoopbackServer> {
    const owner = new LoopbackServer(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return owner;
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Destroys a socket together with the server. */
  own(socket: Duplex): void {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#sockets.delete(socket));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
