import type { Socket } from "node:net";
import { isIP } from "node:net";

/** Why a SOCKS5 server would not connect: RFC 1928, section 6. */
const REPLIES: Readonly<Record<number, string>> = {
  1: "general failure",
  2: "not allowed by its rules",
  3: "network unreachable",
  4: "host unreachable",
  5: "connection refused",
  6: "TTL expired",
  7: "command not supported",
  8: "address type not supported",
};

/**
 * Asks a SOCKS5 server (RFC 1928, user and password by RFC 1929) on an open socket for a connection. The server looks up names,
 * as in Go. Afterwards the socket is connected to the host.
 * @throws an Error with the server's reason; the socket is then unusable.
 */
export async function connectBySocks5(
  socket: Socket,
  target: { readonly hostname: string; readonly port: number },
  login: { readonly username: string; readonly password: string } | undefined,
): Promise<void> {
  const read = byteReader(socket);
  socket.write(login === undefined ? Buffer.from([5, 1, 0]) : Buffer.from([5, 2, 0, 2]));
  const [version, method] = await read(2);
  if (version !== 5) throw new Error("it does not speak SOCKS5");
  if (method === 2 && login !== undefined) {
    socket.write(Buffer.concat([Buffer.from([1]), withLength(login.username), withLength(login.password)]));
    const [, status] = await read(2);
    if (status !== 0) throw new Error("it refused user and password");
  } else if (method !== 0) throw new Error("it requires a login method that kinsync does not support");

  const port = Buffer.alloc(2);
  port.writeUInt16BE(target.port);
  socket.write(Buffer.concat([Buffer.from([5, 1, 0]), addressOf(target.hostname), port]));
  const [, reply, , kind] = await read(4);
  if (reply !== 0) throw new Error(`it could not connect: ${REPLIES[reply ?? 1] ?? `reply ${reply}`}`);
  const length = kind === 1 ? 4 : kind === 4 ? 16 : ((await read(1))[0] ?? 0);
  await read(length + 2);
}

function withLength(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > 255) throw new Error("user, password or host name is longer than SOCKS5 allows");
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function addressOf(hostname: string): Buffer {
  if (isIP(hostname) === 4) return Buffer.from([1, ...hostname.split(".").map(Number)]);
  // IPv6 goes as a name: every server parses such names without DNS.
  return Buffer.concat([Buffer.from([3]), withLength(hostname)]);
}

/** Reads exactly so many bytes, and leaves the following bytes in the socket. */
function byteReader(socket: Socket): (count: number) => Promise<Buffer> {
  return async function read(count: number): Promise<Buffer> {
    for (;;) {
      const bytes: unknown = socket.read(count);
      if (bytes instanceof Buffer && bytes.length === count) return bytes;
      if (bytes instanceof Buffer || socket.readableEnded || socket.destroyed) {
        throw new Error("it closed the connection");
      }
      await new Promise<void>((resolve) => {
        const events = ["readable", "end", "close", "error"];
        const look = () => {
          for (const event of events) socket.off(event, look);
          resolve();
        };
        for (const event of events) socket.on(event, look);
      });
    }
  };
}
