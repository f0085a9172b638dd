import { createServer, request as requestHttp } from "node:http";
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { request as requestHttps } from "node:https";
import type { Duplex } from "node:stream";
import { embedded } from "./kubeconfig.ts";
import type { ApiServerRoute } from "./kubeconfig.ts";
import { LoopbackServer } from "./loopback-server.ts";

/** What happens to a request: it is forwarded, never answered, or refused with 503. */
export type Handling = "pass" | "hold" | "refuse";

export interface ForwardingOptions {
  /** Of the protocols that a client offers for a WebSocket, only these are forwarded. Default: all. */
  readonly protocols?: readonly string[];
  /** Decides by the path and query of a request. Default: all pass. */
  readonly handling?: (path: string) => Handling;
}

/** An HTTP server on loopback that forwards requests to an API server with the user's token, like API servers of vendors and older ones. */
export class ForwardingProxy implements AsyncDisposable {
  /** The protocol that the API server chose for each WebSocket. */
  readonly chosenProtocols: string[] = [];
  /** Paths of the requests that are not answered. */
  readonly held: string[] = [];
  readonly #server: LoopbackServer;
  readonly #route: ApiServerRoute;
  readonly #options: ForwardingOptions;

  private constructor(server: LoopbackServer, route: ApiServerRoute, options: ForwardingOptions) {
    this.#server = server;
    this.#route = route;
    this.#options = options;
  }

  static async open(route: ApiServerRoute, options: ForwardingOptions = {}): Promise<ForwardingProxy> {
    const server = createServer();
    const proxy = new ForwardingProxy(await LoopbackServer.listen(server), route, options);
    server.on("request", (request, response) => proxy.#forward(request, response));
    server.on("upgrade", (request: IncomingMessage, socket: Duplex) => proxy.#upgrade(request, socket));
    return proxy;
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    return this.#server.host;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const handling = this.#handlingOf(request);
    if (handling === "hold") return;
    if (handling === "refuse") {
      response.writeHead(503).end();
      return;
    }
    const forwarded = this.#request(request, {});
    forwarded.once("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.once("error", () => response.destroy());
      response.once("close", () => answer.destroy());
    });
    forwarded.once("error", () => response.destroy());
    request.pipe(forwarded);
  }

  #upgrade(request: IncomingMessage, socket: Duplex): void {
    const handling = this.#handlingOf(request);
    if (handling === "hold") return;
    if (handling === "refuse") {
      socket.end("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(/,\s*/);
    const allowed = this.#options.protocols ?? offered;
    const protocols = offered.filter((each) => allowed.includes(each));
    const forwarded = this.#request(request, { "sec-websocket-protocol": protocols.join(", ") });
    const writeHead = ({ statusCode, statusMessage, rawHeaders }: IncomingMessage): void => {
      let head = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;
      for (let at = 0; at < rawHeaders.length; at += 2) head += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
      socket.write(`${head}\r\n`);
    };
    forwarded.once("upgrade", (response, server, first) => {
      this.#server.own(server);
      this.chosenProtocols.push(response.headers["sec-websocket-protocol"] ?? "none");
      writeHead(response);
      socket.write(first);
      socket.pipe(server).pipe(socket);
      server.once("close", () => socket.destroy());
      socket.once("close", () => server.destroy());
    });
    forwarded.once("response", (response) => {
      writeHead(response);
      response.pipe(socket);
    });
    forwarded.once("error", () => socket.destroy());
    forwarded.end();
  }

  #handlingOf({ url = "" }: IncomingMessage): Handling {
    const handling = this.#options.handling?.(url) ?? "pass";
    if (handling === "hold") this.held.push(url);
    return handling;
  }

  #request(request: IncomingMessage, more: OutgoingHttpHeaders): ClientRequest {
    const { cluster, user, server } = this.#route;
    const token = user["token"];
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const send = server.protocol === "https:" ? requestHttps : requestHttp;
    return send({
      hostname: server.hostname,
      port: server.port,
      path: request.url,
      method: request.method,
      headers: { ...request.headers, host: server.host, ...authorization, ...more },
      ca: embedded(cluster, "certificate-authority"),
      cert: embedded(user, "client-certificate"),
      key: embedded(user, "client-key"),
      ...(cluster["tls-server-name"] === undefined ? {} : { servername: cluster["tls-server-name"] }),
    });
  }
}
