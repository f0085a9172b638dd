import { Duplex } from "node:stream";
import type { ClusterConnection, ClusterSocket } from "../contract/cluster.ts";
import { isKinsyncError, KinsyncError } from "../errors/error.ts";
import { cleanText } from "../text/clean.ts";

/**
 * The sub-protocol of kubelets and container runtimes, which every API server hands on: one connection, with a channel for its data and one
 * for an error. (The other one, `SPDY/3.1+portforward.k8s.io`, exists since Kubernetes 1.30 and carries SPDY.) Source: Kubernetes,
 * k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go.
 */
const PROTOCOL = "v4.channel.k8s.io";
const DATA = 0;
const ERROR = 1;
/** Each channel begins with the number of the port. */
const PORT_BYTES = 2;
/** An idle connection is kept open through proxies that end silent ones. */
const PING_MS = 30_000;
/** Bytes that wait to be sent until the local side is stopped. */
const HIGH_BYTES = 1024 * 1024;
/** The container's last words are short. */
const MAX_ERROR_BYTES = 4 * 1024;

/** A port of a pod. */
export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/**
 * Opens one connection to a port of a pod, as its own processes see it on `localhost`. The stream ends when the container ends its side; the
 * protocol cannot pass on that this side has written its last byte. It fails with `KINSYNC_FORWARD_REFUSED` where nothing listens there.
 * Rejects with errors of the area CLUSTER, `KINSYNC_TARGET_GONE` for a pod that does not exist, and the signal's reason.
 */
export async function connectToPod(cluster: ClusterConnection, to: PodPort, signal: AbortSignal): Promise<Duplex> {
  const { namespace, pod, port } = to;
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/portforward`;
  try {
    return new PodStream(await cluster.webSocket(path, { ports: String(port) }, [PROTOCOL], signal), to);
  } catch (error) {
    signal.throwIfAborted();
    throw withHint(error);
  }
}

/** Not every container runtime serves WebSockets. */
function withHint(error: unknown): unknown {
  if (!isKinsyncError(error)) return error;
  const { code, message, details } = error;
  if (code !== "KINSYNC_CLUSTER_WEBSOCKET" && code !== "KINSYNC_CLUSTER_ANSWER") return error;
  return new KinsyncError(code, message, {
    cause: error,
    details,
    retry: "terminal",
    hint: "This cluster does not forward ports over WebSockets, or something on the way to it does not. `kubectl port-forward` uses SPDY.",
  });
}

class PodStream extends Duplex {
  readonly #socket: ClusterSocket;
  readonly #to: PodPort;
  readonly #ping: NodeJS.Timeout;
  readonly #skip = [PORT_BYTES, PORT_BYTES];
  #error: Buffer = Buffer.alloc(0);
  #isClosed = false;

  constructor(socket: ClusterSocket, to: PodPort) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#to = to;
    this.#ping = setInterval(() => socket.ping(), PING_MS);
    this.#ping.unref();
    socket.onMessage = (data) => this.#receive(data);
    socket.onClose = ({ error }) => this.#ended(error);
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const message = Buffer.allocUnsafe(chunk.length + 1);
    message[0] = DATA;
    chunk.copy(message, 1);
    const isFull = this.#socket.bufferedAmount > HIGH_BYTES;
    this.#socket.send(message, (error) => {
      // After the end of the connection, which is reported by itself.
      if (isFull) done(this.#isClosed ? undefined : error);
    });
    if (!isFull) done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearInterval(this.#ping);
    if (!this.#isClosed) this.#socket.close();
    done(error);
  }

  #receive(data: Uint8Array): void {
    const channel = data[0];
    if (channel !== DATA && channel !== ERROR) return;
    const skipped = Math.min(this.#skip[channel] ?? 0, data.length - 1);
    this.#skip[channel] = (this.#skip[channel] ?? 0) - skipped;
    const payload = Buffer.from(data.buffer, data.byteOffset + 1 + skipped, data.length - 1 - skipped);
    if (payload.length === 0) return;
    if (channel === DATA) {
      if (!this.push(payload)) this.#socket.pause();
    } else if (this.#error.length < MAX_ERROR_BYTES) this.#error = Buffer.concat([this.#error, payload]);
  }

  #ended(error: Error | undefined): void {
    this.#isClosed = true;
    clearInterval(this.#ping);
    const text = cleanText(this.#error.toString("utf8", 0, MAX_ERROR_BYTES));
    if (text !== "") this.destroy(refusal(text, this.#to));
    else if (error !== undefined) this.destroy(error);
    else this.push(null);
  }
}

/** @param text the container runtime's own, with the name of a network namespace and the addresses that it tried */
function refusal(text: string, { namespace, pod, port }: PodPort): KinsyncError {
  const isClosedPort = /connection refused/i.test(text);
  const why = isClosedPort ? "nothing listens on it (connection refused)" : text;
  return new KinsyncError(
    "KINSYNC_FORWARD_REFUSED",
    `Port ${port} of pod ${namespace}/${pod} cannot be reached: ${why}`,
    {
      details: { namespace, pod, port, reason: text },
    },
  );
}
