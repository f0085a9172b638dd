import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, request as requestHttp } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from "node:http";
import { createServer as createSecureServer, request as requestHttps } from "node:https";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { parse } from "yaml";

/** The way to an API server, as a kubeconfig of one cluster and one user tells it. */
export interface Way {
  readonly cluster: Readonly<Record<string, string | undefined>>;
  readonly user: Readonly<Record<string, string | undefined>>;
  readonly server: URL;
}

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: Way["cluster"] }];
  readonly users: readonly [{ readonly user: Way["user"] }];
}

export async function readWay(kubeconfig: string): Promise<Way> {
  const { clusters, users } = parse(await readFile(kubeconfig, "utf8")) as Kubeconfig;
  const [{ cluster }] = clusters;
  const [{ user }] = users;
  return { cluster, user, server: new URL(cluster["server"] ?? "") };
}

export interface ConnectProxyOptions {
  /** Names that it alone knows, and what they stand for: `host:port`. */
  readonly names?: Readonly<Record<string, string>>;
  /** `user:password` without which it lets nobody through. */
  readonly login?: string;
  /** With these it speaks TLS: `https://` leads to it. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** An HTTP proxy that does nothing but CONNECT. */
export class ConnectProxy implements AsyncDisposable {
  /** Where tunnels were asked for, and whether they were let through. */
  readonly tunnels: { readonly to: string; readonly isOpen: boolean }[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();

  private constructor(options: ConnectProxyOptions) {
    this.#server = options.tls === undefined ? createServer() : createSecureServer(options.tls);
    this.#server.on("connection", (socket: Socket) => this.#keep(socket));
    this.#server.on("connect", (request: IncomingMessage, socket: Duplex) => this.#pass(request, socket, options));
  }

  static async open(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(options);
    await listen(proxy.#server);
    return proxy;
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    return hostOf(this.#server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await close(this.#server, this.#sockets);
  }

  #pass(request: IncomingMessage, socket: Duplex, { names = {}, login }: ConnectProxyOptions): void {
    this.#keep(socket);
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
    this.#keep(server);
    server.once("connect", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(server).pipe(socket);
    });
    server.once("close", () => socket.destroy());
    socket.once("close", () => server.destroy());
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#sockets.delete(socket));
  }
}

export interface ForwardingOptions {
  /** Of the protocols that are offered for a WebSocket those only are let through. Default: all. */
  readonly protocols?: readonly string[];
  /** What becomes of requests to a path with a query: they are passed on, never answered, or refused with 503. Default: all pass. */
  readonly fate?: (path: string) => "pass" | "hold" | "refuse";
}

/** An HTTP server on loopback that hands requests on to an API server, with the user's token: as vendors' API servers are, and old ones. */
export class ForwardingProxy implements AsyncDisposable {
  /** What the API server chose for each WebSocket. */
  readonly chosen: string[] = [];
  /** Paths of the requests that are not answered. */
  readonly held: string[] = [];
  readonly #server = createServer();
  readonly #sockets = new Set<Duplex>();
  readonly #way: Way;
  readonly #options: ForwardingOptions;

  private constructor(way: Way, options: ForwardingOptions) {
    this.#way = way;
    this.#options = options;
    this.#server.on("request", (request, response) => this.#forward(request, response));
    this.#server.on("upgrade", (request: IncomingMessage, socket: Duplex) => this.#upgrade(request, socket));
    this.#server.on("connection", (socket: Socket) => this.#keep(socket));
  }

  static async open(way: Way, options: ForwardingOptions = {}): Promise<ForwardingProxy> {
    const proxy = new ForwardingProxy(way, options);
    await listen(proxy.#server);
    return proxy;
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    return hostOf(this.#server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await close(this.#server, this.#sockets);
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const fate = this.#fateOf(request);
    if (fate === "hold") return;
    if (fate === "refuse") {
      response.writeHead(503).end();
      return;
    }
    const onward = this.#ask(request, {});
    onward.once("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.once("error", () => response.destroy());
      response.once("close", () => answer.destroy());
    });
    onward.once("error", () => response.destroy());
    request.pipe(onward);
  }

  #upgrade(request: IncomingMessage, socket: Duplex): void {
    const fate = this.#fateOf(request);
    if (fate === "hold") return;
    if (fate === "refuse") {
      socket.end("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(/,\s*/);
    const allowed = this.#options.protocols ?? offered;
    const protocols = offered.filter((each) => allowed.includes(each));
    const onward = this.#ask(request, { "sec-websocket-protocol": protocols.join(", ") });
    const answer = ({ statusCode, statusMessage, rawHeaders }: IncomingMessage): void => {
      let head = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;
      for (let at = 0; at < rawHeaders.length; at += 2) head += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
      socket.write(`${head}\r\n`);
    };
    onward.once("upgrade", (response, server, first) => {
      this.#keep(server);
      this.chosen.push(response.headers["sec-websocket-protocol"] ?? "none");
      answer(response);
      socket.write(first);
      socket.pipe(server).pipe(socket);
      server.once("close", () => socket.destroy());
      socket.once("close", () => server.destroy());
    });
    onward.once("response", (response) => {
      answer(response);
      response.pipe(socket);
    });
    onward.once("error", () => socket.destroy());
    onward.end();
  }

  #fateOf({ url = "" }: IncomingMessage): "pass" | "hold" | "refuse" {
    const fate = this.#options.fate?.(url) ?? "pass";
    if (fate === "hold") this.held.push(url);
    return fate;
  }

  #ask(request: IncomingMessage, more: OutgoingHttpHeaders): ReturnType<typeof requestHttp> {
    const { cluster, user, server } = this.#way;
    const token = user["token"];
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const ask = server.protocol === "https:" ? requestHttps : requestHttp;
    const onward = ask({
      hostname: server.hostname,
      port: server.port,
      path: request.url,
      method: request.method,
      headers: { ...request.headers, host: server.host, ...authorization, ...more },
      ca: decoded(cluster["certificate-authority-data"]),
      cert: decoded(user["client-certificate-data"]),
      key: decoded(user["client-key-data"]),
      ...(cluster["tls-server-name"] === undefined ? {} : { servername: cluster["tls-server-name"] }),
    });
    return onward;
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#sockets.delete(socket));
  }
}

function decoded(base64: string | undefined): Buffer | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, "base64");
}

async function listen(server: Server): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
}

async function close(server: Server, sockets: ReadonlySet<Duplex>): Promise<void> {
  const closed = once(server, "close");
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}

function hostOf(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
