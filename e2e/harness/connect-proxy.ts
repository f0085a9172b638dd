import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { LoopbackServer } from "./loopback-server.ts";

export interface ConnectProxyOptions {
  /** Host names that only the proxy can resolve, and the `host:port` that it connects to instead. */
  readonly names?: Readonly<Record<string, string>>;
  /** `user:password` that clients have to send. Default: none. */
  readonly login?: string;
  /** Makes it an `https://` proxy. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** An HTTP proxy that supports CONNECT only. */
export class ConnectProxy implements AsyncDisposable {
  /** Requested tunnels, and whether they were opened. */
  readonly tunnels: { readonly to: string; readonly isOpen: boolean }[] = [];
  readonly #server: LoopbackServer;
  readonly #options: ConnectProxyOptions;

  private constructor(server: LoopbackServer, options: ConnectProxyOptions) {
    this.#server = server;
    this.#options = options;
  }

  static async open(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
    const server = options.tls === undefined ? createServer() : createSecureServer(options.tls);
    const proxy = new ConnectProxy(await LoopbackServer.listen(server), options);
    server.on("connect", (request: IncomingMessage, socket: Duplex) => proxy.#openTunnel(request, socket));
    return proxy;
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    return this.#server.host;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }

  #openTunnel(request: IncomingMessage, socket: Duplex): void {
    this.#server.own(socket);
    const { names = {}, login } = this.#options;
    const to = request.url ?? "";
    const isOpen =
      login === undefined ||
      request.headers["proxy-authorization"] === `Basic ${Buffer.from(login).toString("base64")}`;
    this.tunnels.push({ to, isOpen });
    if (!isOpen) {
      socket.end(
        "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n",
      );
      return;
    }
    const { hostname, port } = new URL(`http://${names[to] ?? to}`);
    const server = connect(Number(port), hostname);
    this.#server.own(server);
    server.once("connect", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(server).pipe(socket);
    });
    server.once("close", () => socket.destroy());
    socket.once("close", () => server.destroy());
  }
}
