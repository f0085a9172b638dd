import { readFileSync } from "node:fs";
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";

/** PEM of a test certificate or key: `ca.crt`, `server.key`. */
export function pem(name: string): string {
  return readFileSync(pemPath(name), "utf8");
}

export function pemPath(name: string): string {
  return fileURLToPath(new URL(`../fixtures/test-only-${name}`, import.meta.url));
}

export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

export interface ApiServerOptions {
  /** Name of the certificate. Default: `server`; `undefined` explicitly: plain HTTP. */
  readonly certificate?: string | undefined;
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => void;
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** A server of the test's own, with all that it met. */
export interface ApiServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** TCP connections so far. */
  connections(): number;
  open(): readonly Socket[];
  /** Requests so far. */
  readonly requests: IncomingMessage[];
}

export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const { answer = (_, response) => answerJson(response, 200, { items: [] }) } = options;
  const certificate = "certificate" in options ? options.certificate : "server";
  const requests: IncomingMessage[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    requests.push(request);
    answer(request, response);
  };
  const server =
    certificate === undefined
      ? createHttp(listener)
      : createHttps(
          {
            cert: pem(`${certificate}.crt`),
            key: pem(`${certificate}.key`),
            ca: pem("ca.crt"),
            requestCert: true,
            rejectUnauthorized: false,
          },
          listener,
        );
  const sockets = new Set<Socket>();
  let count = 0;
  server.on("connection", (socket: Socket) => {
    count += 1;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket)).on("error", () => undefined);
  });
  if (options.upgrade !== undefined) server.on("upgrade", options.upgrade);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${certificate === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    port,
    connections: () => count,
    open: () => [...sockets],
    requests,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

export function answerJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

export function statusBody(code: number, reason: string, message: string): object {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code };
}

/** Common name of the certificate that the client showed. */
export function clientName(request: IncomingMessage): string | undefined {
  const subject = (request.socket as TLSSocket).getPeerCertificate().subject as { CN?: string } | undefined;
  return subject?.CN;
}
