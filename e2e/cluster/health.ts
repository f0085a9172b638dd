import { get as getPlain } from "node:http";
import { request } from "node:https";
import type { ClientRequest, IncomingMessage } from "node:http";
import { connect } from "node:net";

/** Time limit of one probe. */
const PROBE_LIMIT_MS = 5_000;

/** Whether an address is healthy: an `http:` or `https:` URL that answers 200, or the path of a socket that accepts connections. */
export async function isHealthy(address: string): Promise<boolean> {
  if (address.startsWith("/")) return acceptsConnections(address);
  const signal = AbortSignal.timeout(PROBE_LIMIT_MS);
  const options = { signal, rejectUnauthorized: false, agent: false } as const;
  const status = await statusOf((onResponse) =>
    address.startsWith("https:") ? request(address, options, onResponse).end() : getPlain(address, options, onResponse),
  ).catch(() => 0);
  return status === 200;
}

function statusOf(send: (onResponse: (response: IncomingMessage) => void) => ClientRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = send((response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode ?? 0));
      response.once("error", reject);
    });
    sent.once("error", reject);
  });
}

function acceptsConnections(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.setTimeout(PROBE_LIMIT_MS);
    const end = (healthy: boolean): void => {
      socket.destroy();
      resolve(healthy);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
    socket.once("timeout", () => end(false));
  });
}
