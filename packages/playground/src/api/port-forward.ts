import { connect, type Socket } from "node:net";

import { WebSocketServer, type WebSocket } from "ws";

import { StatusError, badRequest } from "../status-error.ts";
import type { ApiContext } from "./context.ts";
import type { Upgrade } from "./exec.ts";
import { requireNode } from "./pod-target.ts";
import type { ResourceRequest } from "./request.ts";
import { currentOf } from "./write.ts";

const PROTOCOL = "v4.channel.k8s.io";
const MAX_FRAME_BYTES = 32 * 1024 * 1024;
/** As in a kubelet: containers of a pod listen there. The playground's share the addresses of the machine. */
const ADDRESSES = ["127.0.0.1", "::1"] as const;

/** Forwards connections to ports, and ends open ones. */
export interface PortForwardServer {
  /** Handles an upgrade on `pods/portforward`. Throws a `StatusError` as long as a plain response is possible. */
  open(request: ResourceRequest, upgrade: Upgrade): void;
  /** Ends every connection. */
  close(): void;
}

/** Serves `pods/portforward` over WebSockets, with the subprotocol v4: of each port one channel for data and one for an error. */
export function createPortForwardServer(context: ApiContext): PortForwardServer {
  const sockets = new Set<WebSocket>();
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
    handleProtocols: (offers) => (offers.has(PROTOCOL) ? PROTOCOL : false),
  });
  return {
    open(request, { message, socket, head }) {
      const pod = currentOf(context, request);
      requireNode(pod);
      const offers = (message.headers["sec-websocket-protocol"] ?? "").split(",").map((offer) => offer.trim());
      if (message.headers.upgrade?.toLowerCase() !== "websocket" || !offers.includes(PROTOCOL)) {
        // kubectl tunnels SPDY, and falls back to SPDY.
        throw badRequest(`unable to upgrade: this API server forwards ports over WebSockets with ${PROTOCOL} only`);
      }
      const ports = portsOf(request.query);
      const { name, namespace = "default" } = pod.metadata;
      const isRunning = pod.status?.["phase"] === "Running";
      server.handleUpgrade(message, socket, head, (webSocket) => {
        sockets.add(webSocket);
        webSocket.on("close", () => sockets.delete(webSocket)).on("error", () => undefined);
        forward(webSocket, ports, { pod: `${name}_${namespace}`, isRunning });
      });
    },
    close() {
      for (const socket of sockets) socket.terminate();
      server.close();
    },
  };
}

function portsOf(query: URLSearchParams): readonly number[] {
  const texts = query.getAll("ports").flatMap((each) => each.split(","));
  if (texts.length === 0) throw badRequest('query parameter "port" is required');
  return texts.map((text) => {
    const port = Number(text);
    if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
    throw new StatusError(400, "BadRequest", `unable to parse ${JSON.stringify(text)} as a port`);
  });
}

interface Pod {
  readonly pod: string;
  readonly isRunning: boolean;
}

/** Until all its ports have ended. */
function forward(webSocket: WebSocket, ports: readonly number[], { pod, isRunning }: Pod): void {
  const targets: (Socket | undefined)[] = [];
  let open = ports.length;
  const closed = (): void => {
    open -= 1;
    if (open === 0) webSocket.close(1000);
  };
  webSocket.on("message", (data: Buffer) => {
    const target = targets[(data[0] ?? 0) / 2];
    if (target === undefined || target.destroyed || data.length < 2) return;
    if (!target.write(data.subarray(1))) {
      webSocket.pause();
      target.once("drain", () => webSocket.resume());
    }
  });
  webSocket.on("close", () => {
    for (const target of targets) target?.destroy();
  });
  for (const [index, port] of ports.entries()) {
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    send(webSocket, index * 2, number);
    send(webSocket, index * 2 + 1, number);
    const fail = (why: string): void => {
      send(webSocket, index * 2 + 1, Buffer.from(`error forwarding port ${port} to pod ${pod}, uid : ${why}`));
      closed();
    };
    if (isRunning)
      dial(port, { webSocket, channel: index * 2, fail, closed, onSocket: (socket) => (targets[index] = socket) });
    else fail("pod is not running");
  }
}

interface Dialing {
  readonly webSocket: WebSocket;
  readonly channel: number;
  readonly fail: (why: string) => void;
  readonly closed: () => void;
  readonly onSocket: (socket: Socket) => void;
}

function dial(port: number, dialing: Dialing, [host, ...others]: readonly string[] = ADDRESSES): void {
  const { webSocket, channel, fail, closed, onSocket } = dialing;
  if (host === undefined) {
    fail(
      `failed to connect to localhost:${port} inside namespace, IPv4: dial tcp4 127.0.0.1:${port}: connect: connection refused`,
    );
    return;
  }
  let isConnected = false;
  const target = connect({ host, port, noDelay: true });
  onSocket(target);
  target.once("connect", () => (isConnected = true));
  target.on("data", (chunk: Buffer) => {
    target.pause();
    send(webSocket, channel, chunk, () => target.resume());
  });
  target.on("error", (error) => {
    if (!isConnected) dial(port, dialing, others);
    else fail(error.message);
  });
  target.once("end", () => {
    if (isConnected) closed();
  });
}

function send(webSocket: WebSocket, channel: number, payload: Buffer, done?: () => void): void {
  webSocket.send(Buffer.concat([Buffer.from([channel]), payload]), () => done?.());
}
