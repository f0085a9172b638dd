import type { ClusterSocket } from "@kinsync/core/contract";
import type { BenchCluster } from "./bench-cluster.ts";

/** A bare exec, without kinsync's transport: what any client can do. */
export interface ExecStream {
  send(data: Uint8Array): void;
  /** Creates all messages now. @returns a function that only sends them */
  prepare(data: Uint8Array): () => void;
  /** Called with each line of standard output. */
  onLine: ((line: string) => void) | undefined;
  /** Resolves when the command has ended; rejects if it failed. */
  readonly ended: Promise<void>;
  close(): void;
}

const STDIN = 0;
const STDOUT = 1;
const STATUS = 3;
/** Payload of one message. */
const FRAME_BYTES = 64 * 1024;
const OPEN_LIMIT_MS = 30_000;

export async function openExec(cluster: BenchCluster, pod: string, command: readonly string[]): Promise<ExecStream> {
  const path = `/api/v1/namespaces/${cluster.namespace}/pods/${pod}/exec`;
  const query = { command, container: "main", stdin: true, stdout: true, stderr: true };
  const protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
  const socket = await cluster.connection.webSocket(path, query, protocols, AbortSignal.timeout(OPEN_LIMIT_MS));
  return new SocketStream(socket);
}

class SocketStream implements ExecStream {
  readonly ended: Promise<void>;
  onLine: ((line: string) => void) | undefined;
  readonly #socket: ClusterSocket;
  #incompleteLine = "";

  constructor(socket: ClusterSocket) {
    this.#socket = socket;
    const ended = Promise.withResolvers<void>();
    this.ended = ended.promise;
    this.ended.catch(() => {});
    socket.onMessage = (data) => {
      const text = Buffer.from(data.subarray(1)).toString();
      if (data[0] === STDOUT) this.#output(text);
      if (data[0] !== STATUS) return;
      const { status, message } = JSON.parse(text) as { status?: string; message?: string };
      if (status === "Success") ended.resolve();
      else ended.reject(new Error(message));
    };
    socket.onClose = ({ code, reason, error }) =>
      ended.reject(error ?? new Error(`the exec stream was closed: ${code} ${reason}`));
  }

  #output(text: string): void {
    const lines = (this.#incompleteLine + text).split("\n");
    this.#incompleteLine = lines.pop() ?? "";
    for (const line of lines) this.onLine?.(line);
  }

  send(data: Uint8Array): void {
    this.prepare(data)();
  }

  prepare(data: Uint8Array): () => void {
    const messages: Uint8Array[] = [];
    for (let at = 0; at < data.length; at += FRAME_BYTES) {
      messages.push(Buffer.concat([Buffer.of(STDIN), data.subarray(at, at + FRAME_BYTES)]));
    }
    return () => {
      for (const message of messages) this.#socket.send(message);
    };
  }

  close(): void {
    this.#socket.terminate();
  }
}
