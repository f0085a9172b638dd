import { once } from "node:events";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import prettyMilliseconds from "pretty-ms";
import { request as sendHttp } from "./http.ts";
import type { Proxy } from "./proxy.ts";
import type { ServerAddress } from "./server.ts";
import { createTlsClient, type TlsClient } from "./tls.ts";

/** The way to the API server: the same for requests and WebSockets. */
export interface Route {
  readonly server: ServerAddress;
  readonly proxy: Proxy | undefined;
  /** Name that the server's certificate must have, also sent as SNI. Default: the host name. */
  readonly tlsServerName: string | undefined;
  readonly insecureSkipTlsVerify: boolean;
}

export interface DialOptions {
  readonly signal: AbortSignal;
  /** Milliseconds until the connection is open, TLS and proxy included. */
  readonly timeout: number;
  /** The server or its proxy has accepted the connection; TLS follows. */
  readonly onConnect?: (() => void) | undefined;
}

/** A proxy that refused the connection. `message` is for people. */
export class ProxyRefusal extends Error {}

/** The connection was not open in time. */
export class DialTimeout extends Error {}

/**
 * Opens a connection that is ready for HTTP.
 * @param tls of the server; `undefined` where that speaks plain HTTP
 */
export async function dial(route: Route, tls: TlsClient | undefined, options: DialOptions): Promise<Socket> {
  options.signal.throwIfAborted();
  const { server, proxy } = route;
  const opened: Socket[] = [];
  // The innermost layer first: it would report the end of the layer below as a reset.
  const drop = () => {
    for (const socket of opened.toReversed()) socket.destroy();
  };
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    drop();
  }, options.timeout);
  const onAbort = () => drop();
  options.signal.addEventListener("abort", onAbort, { once: true });
  try {
    const next = proxy ?? server;
    let socket: Socket = connectTcp({
      host: next.hostname,
      port: next.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      autoSelectFamilyAttemptTimeout: 1000,
    });
    opened.push(socket);
    await ready(socket, "connect");
    options.onConnect?.();
    if (proxy !== undefined) {
      if (proxy.type === "https") {
        socket = secure(socket, proxy.hostname, createTlsClient({ ca: undefined, cert: undefined, key: undefined }));
        opened.push(socket);
        await ready(socket, "secureConnect");
      }
      await passProxy(socket, proxy, server, options);
    }
    if (tls !== undefined) {
      const name = route.tlsServerName ?? server.hostname;
      socket = secure(socket, name, tls, route.insecureSkipTlsVerify);
      opened.push(socket);
      await ready(socket, "secureConnect");
    }
    return socket;
  } catch (error) {
    drop();
    options.signal.throwIfAborted();
    throw isLate ? new DialTimeout(`no connection within ${prettyMilliseconds(options.timeout)}`) : error;
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener("abort", onAbort);
  }
}

function secure(socket: Socket, name: string, client: TlsClient, insecure = false): TLSSocket {
  const tls = connectTls({
    socket,
    secureContext: client.context,
    ...(client.session === undefined ? {} : { session: client.session }),
    // An IP address may not be sent as SNI, but the certificate must list it.
    servername: isIP(name) === 0 ? name : "",
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    rejectUnauthorized: !insecure,
    ALPNProtocols: ["http/1.1"],
  });
  tls.on("session", (session: Buffer) => {
    client.session = session;
  });
  return tls;
}

/** Settles with the event, or with what ended the socket before it. */
async function ready(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  // The next owner of the socket adds its own listener; an error in between must not become an uncaught exception.
  socket.on("error", ignore);
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const onClose = () => reject(Object.assign(new Error("closed"), { code: "ECONNRESET" }));
  const onReady = () => resolve(undefined);
  socket.once(event, onReady).once("error", reject).once("close", onClose);
  try {
    await promise;
  } finally {
    socket.off(event, onReady).off("error", reject).off("close", onClose);
  }
}

function ignore(): void {
  // `close` reports it.
}

async function passProxy(
  socket: Socket,
  proxy: Proxy,
  server: ServerAddress,
  { timeout }: Pick<DialOptions, "timeout">,
): Promise<void> {
  const login = proxy.username === undefined ? undefined : { username: proxy.username, password: proxy.password ?? "" };
  if (proxy.type === "socks5") {
    const { connectBySocks } = await import("./socks.ts");
    try {
      await connectBySocks(socket, { proxy, server, login, timeout });
    } catch (cause) {
      if (socket.errored !== null) throw socket.errored;
      throw new ProxyRefusal(`the proxy ${proxy.href} failed: ${(cause as Error).message}`, { cause });
    }
    return;
  }
  const host = `${server.hostname.includes(":") ? `[${server.hostname}]` : server.hostname}:${server.port}`;
  const request = sendHttp({
    method: "CONNECT",
    path: host,
    headers: { host, ...(login === undefined ? {} : { "proxy-authorization": basic(login) }) },
    createConnection: () => socket,
  });
  const events = new AbortController();
  try {
    const answered = Promise.race([
      once(request, "connect", { signal: events.signal }),
      once(request, "response", { signal: events.signal }),
    ]);
    request.end();
    const [response] = (await answered) as [{ statusCode?: number; resume(): void }];
    if (response.statusCode === 200) return;
    response.resume();
    const more = response.statusCode === 407 ? " (it requires user and password)" : "";
    throw new ProxyRefusal(`the proxy ${proxy.href} answered ${response.statusCode} to CONNECT${more}`);
  } finally {
    events.abort();
  }
}

function basic({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
