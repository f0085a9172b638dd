import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { StatusError } from "../status-error.ts";

/** Largest request body, as in the real API server. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** Reads a body up to the limit. Throws 413 above it. */
export async function readBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      throw new StatusError(413, "RequestEntityTooLarge", `limit is ${MAX_BODY_BYTES}`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Sends JSON. */
export function sendJson(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = Buffer.from(`${JSON.stringify(body)}\n`);
  response.writeHead(code, {
    "Content-Type": "application/json",
    "Content-Length": String(text.length),
    "Cache-Control": "no-cache, private",
    ...headers,
  });
  response.end(text);
}

function asStatusError(error: unknown): StatusError {
  return error instanceof StatusError
    ? error
    : new StatusError(
        500,
        "InternalError",
        `Internal error occurred: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
}

function errorHeaders({ details }: StatusError): Record<string, string> {
  return details?.retryAfterSeconds === undefined ? {} : { "Retry-After": String(details.retryAfterSeconds) };
}

/** Sends the error's Status, or cuts a response that has started. */
export function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const status = asStatusError(error);
  sendJson(response, status.code, status.toStatus(), errorHeaders(status));
}

/** Refuses an upgrade: the socket is still plain HTTP. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  const status = asStatusError(error);
  const body = `${JSON.stringify(status.toStatus())}\n`;
  const headers = {
    "Content-Type": "application/json",
    "Content-Length": String(Buffer.byteLength(body)),
    Connection: "close",
    ...errorHeaders(status),
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${status.code} ${status.reason}\r\n${head.join("\r\n")}\r\n\r\n${body}`);
}
