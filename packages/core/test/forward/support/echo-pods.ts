import type { ClusterConnection, ClusterSocket } from "../../../src/contract/index.ts";
import { KinsyncError } from "../../../src/errors/error.ts";

/** One forwarded connection, from the side of the pod. */
export class FakeSocket implements ClusterSocket {
  readonly protocol = "v4.channel.k8s.io";
  readonly pod: string;
  bufferedAmount = 0;
  onMessage: ClusterSocket["onMessage"];
  onPong: ClusterSocket["onPong"];
  onClose: ClusterSocket["onClose"];
  /** What arrived for the container. */
  received = "";
  isClosed = false;
  isPaused = false;
  readonly #onData: (text: string, socket: FakeSocket) => void;

  constructor(pod: string, port: number, onData: (text: string, socket: FakeSocket) => void) {
    this.pod = pod;
    this.#onData = onData;
    // As the kubelet: both channels begin with the port.
    setImmediate(() => {
      const number = Buffer.alloc(2);
      number.writeUInt16LE(port);
      this.onMessage?.(Buffer.concat([Buffer.from([0]), number]));
      this.onMessage?.(Buffer.concat([Buffer.from([1]), number]));
    });
  }

  send(data: Uint8Array, done?: (error?: Error) => void): void {
    const text = Buffer.from(data.subarray(1)).toString();
    this.received += text;
    done?.();
    setImmediate(() => this.#onData(text, this));
  }

  /** The container writes. */
  write(text: string, channel = 0): void {
    this.onMessage?.(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
  }

  end(error?: Error): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.onClose?.({ code: error === undefined ? 1000 : 1006, reason: "", ...(error === undefined ? {} : { error }) });
  }

  ping(): void {}

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(): void {
    setImmediate(() => this.end());
  }

  terminate(): void {
    this.end();
  }
}

/** Pods that answer each message with their name and the message; a cluster without anything else. */
export class EchoPods {
  readonly sockets: FakeSocket[] = [];
  readonly asked: { readonly path: string; readonly ports: unknown; readonly protocols: readonly string[] }[] = [];
  /** Pods that do not exist. */
  readonly gone = new Set<string>();
  /** The next socket ends with this text of the container runtime. */
  refusal: string | undefined;
  failure: KinsyncError | undefined;

  readonly cluster = {
    webSocket: (path: string, query: Record<string, unknown>, protocols: readonly string[]) => {
      this.asked.push({ path, ports: query["ports"], protocols });
      const [, pod = ""] = /\/pods\/([^/]+)\/portforward$/.exec(path) ?? [];
      if (this.failure !== undefined) return Promise.reject(this.failure);
      if (this.gone.has(pod)) return Promise.reject(new KinsyncError("KINSYNC_TARGET_GONE", `pod ${pod} not found`));
      const socket = new FakeSocket(pod, Number(query["ports"]), (text, self) => self.write(`${pod}: ${text}`));
      this.sockets.push(socket);
      const { refusal } = this;
      if (refusal !== undefined) {
        setImmediate(() => {
          socket.write(refusal, 1);
          socket.end();
        });
      }
      return Promise.resolve(socket);
    },
  } as unknown as ClusterConnection;
}
