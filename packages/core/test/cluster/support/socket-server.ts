import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { WebSocketServer, type WebSocket } from "ws";
import type { ClusterConnection, ClusterSocket } from "@kinsync/core/contract";
import { startApiServer, statusBody, type ApiServerOptions } from "./api-server.ts";

export const EXEC = "/api/v1/namespaces/ml/pods/train-0/exec";
export const V5 = "v5.channel.k8s.io";

export function open(connection: ClusterConnection, signal = AbortSignal.timeout(20_000)): Promise<ClusterSocket> {
  const query = { command: ["sh", "-c", "a b"], stdin: true, container: undefined };
  return connection.webSocket(EXEC, query, [V5, "v4.channel.k8s.io"], signal);
}

/** A server whose side of each WebSocket is played by the test. */
export function startSocketServer(play: (socket: WebSocket) => void, options: { authorization?: string } = {}) {
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (protocols) => [...protocols][0] ?? false });
  const upgrade: ApiServerOptions["upgrade"] = (request, socket, head) => {
    upgrades.push(request.url ?? "");
    if (options.authorization !== undefined && request.headers.authorization !== options.authorization) {
      refuse(socket, 401, statusBody(401, "Unauthorized", "Unauthorized"));
      return;
    }
    sockets.handleUpgrade(request, socket, head, play);
  };
  const upgrades: string[] = [];
  return startApiServer({ upgrade }).then((server) => ({ ...server, upgrades }));
}

export function refuse(socket: NodeJS.WritableStream, status: number, body: object): void {
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} No\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
  );
}

/** Head of the answer that opens a WebSocket (RFC 6455, section 4.2.2), for a server that writes its frames itself. */
export function switching(request: IncomingMessage): string {
  const key = `${request.headers["sec-websocket-key"] ?? ""}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "connection: upgrade",
    "upgrade: websocket",
    `sec-websocket-protocol: ${V5}`,
    `sec-websocket-accept: ${createHash("sha1").update(key).digest("base64")}`,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

export type End = Parameters<NonNullable<ClusterSocket["onClose"]>>[0];

export function endOf(socket: ClusterSocket): Promise<End> {
  return new Promise((resolve) => {
    socket.onClose = resolve;
  });
}
