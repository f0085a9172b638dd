import type { Socket } from "node:net";
import { SocksClient } from "socks";

/** Bytes that RFC 1929 allows for a user and for a password. */
const MAX_LOGIN_BYTES = 255;

/** What `socks` reports, by a part of its message. */
const REASONS: readonly (readonly [part: string, reason: string])[] = [
  ["invalid socks version", "it does not speak SOCKS5"],
  ["Authentication failed", "it refused user and password"],
  ["authentication type", "it requires a login method that kinsync does not support"],
  ["Socket closed", "it closed the connection"],
];

export interface SocksRequest {
  readonly proxy: { readonly hostname: string; readonly port: number };
  readonly server: { readonly hostname: string; readonly port: number };
  readonly login: { readonly username: string; readonly password: string } | undefined;
  /** Milliseconds; the socket is destroyed then. */
  readonly timeout: number;
}

/**
 * Connects an open socket through a SOCKS5 proxy (RFC 1928, login by RFC 1929). The proxy looks up host names, as in Go.
 * @throws an Error with the proxy's reason; the socket is destroyed then.
 */
export async function connectBySocks(socket: Socket, { proxy, server, login, timeout }: SocksRequest): Promise<void> {
  // The library would throw this in an event of the socket, where nothing catches it.
  if ([login?.username, login?.password].some((text) => Buffer.byteLength(text ?? "") > MAX_LOGIN_BYTES)) {
    throw new Error(`user or password is longer than the ${MAX_LOGIN_BYTES} bytes that SOCKS5 allows`);
  }
  const failure = await SocksClient.createConnection({
    command: "connect",
    proxy: {
      type: 5,
      host: proxy.hostname,
      port: proxy.port,
      ...(login === undefined ? {} : { userId: login.username, password: login.password }),
    },
    destination: { host: server.hostname, port: server.port },
    existing_socket: socket,
    timeout,
  }).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  // Without `cause`: the library's error holds the password.
  if (failure !== undefined) throw new Error(reasonOf(failure, login !== undefined));
}

function reasonOf(message: string, isLoggedIn: boolean): string {
  const reply = /rejected connection - (\w+)$/.exec(message)?.[1];
  if (reply !== undefined) return `it could not connect: ${wordsOf(reply)}`;
  const reason = REASONS.find(([part]) => message.includes(part))?.[1] ?? message;
  return reason === "it refused user and password" && !isLoggedIn ? "it requires user and password" : reason;
}

/** `ConnectionRefused` to `connection refused`, `TTLExpired` to `TTL expired`; `undefined` is a reply that RFC 1928 does not define. */
function wordsOf(reply: string): string {
  if (reply === "undefined") return "for a reason that SOCKS5 does not define";
  return reply
    .split(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/)
    .map((word) => (word === word.toUpperCase() ? word : word.toLowerCase()))
    .join(" ");
}
