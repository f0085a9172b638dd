import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { KinsyncError } from "../errors/error.ts";
import { systemReason } from "../text/system-reason.ts";

/** An open local port, until it is disposed of. */
export interface LocalPort extends AsyncDisposable {
  readonly port: number;
}

/** Ports below it need a permission on most systems. */
const FIRST_FREE_PORT = 1024;
const LAST_PORT = 65_535;

/** A port on this machine, and the port of pods that it leads to. */
export interface PortPair {
  readonly address: string;
  /** 0: one that is free. */
  readonly port: number;
  readonly to: number;
}

/**
 * Opens a port on this machine. Rejects with `KINSYNC_FORWARD_LOCAL`: it is in use, needs a permission, or the machine has no such address.
 */
export async function openLocalPort(pair: PortPair, onConnection: (socket: Socket) => void): Promise<LocalPort> {
  const sockets = new Set<Socket>();
  // Either side may end first.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    // A connection that is reset has nothing to report; its stream ends.
    socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  await listening(server, pair);
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
      await promise;
    },
  };
}

async function listening(server: Server, pair: PortPair): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen({ host: pair.address, port: pair.port }, resolve);
  try {
    await promise;
  } catch (error) {
    throw notOpened(error as NodeJS.ErrnoException, pair);
  } finally {
    server.off("error", reject);
  }
}

function notOpened(error: NodeJS.ErrnoException, { address, port, to }: PortPair): KinsyncError {
  const other = port < FIRST_FREE_PORT ? port + 8000 : port === LAST_PORT ? port - 1 : port + 1;
  const hint = `Choose another local port: \`${other}:${to}\`, or \`localPort: ${other}\` in the config.`;
  const fail = (why: string, more: { readonly hint?: string } = {}): KinsyncError =>
    new KinsyncError("KINSYNC_FORWARD_LOCAL", `Port ${port} of ${address} cannot be opened on this machine: ${why}`, {
      cause: error,
      details: { address, port, reason: error.code },
      ...more,
    });
  switch (error.code) {
    case "EADDRINUSE":
      return fail("another program uses it", { hint });
    case "EACCES":
      return fail("permission denied", { hint });
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return fail("this machine has no such address", { hint: "Leave the address out, or use 127.0.0.1 or 0.0.0.0." });
    default:
      return fail(systemReason(error));
  }
}
