import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import type { ClusterConnection, ClusterRequest, ClusterResponse, ClusterSocket, Target } from "@kinsync/core/contract";

/** A "container": a folder, and the programs that it has. */
export interface ContainerSpec {
  /** Working directory of its processes. */
  readonly cwd: string;
  /** `PATH` of its processes. */
  readonly path: string;
  /** argv in place of `sh`. Empty: there is no shell. */
  readonly shell: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** argv in front of that of each process. */
  readonly enter?: readonly string[];
}

/** Where a connection is cut, in bytes. */
export interface Cut {
  readonly sent?: number;
  readonly received?: number;
}

/** A cluster of one pod, whose execs are processes of this machine. Speaks the channel protocol of Kubernetes. */
export class FakeCluster implements ClusterConnection {
  readonly context = "fake";
  readonly server = "https://fake.invalid";
  readonly namespace = "default";
  readonly target: Target = {
    namespace: "default",
    pod: "web-0",
    podUid: "11111111-2222-3333-4444-555555555555",
    container: "main",
    containerId: "containerd://aaaa",
  };
  readonly spec: ContainerSpec;
  readonly protocol: string;
  /** Cuts the connection that is opened next. */
  cutNext: Cut | undefined;
  /** If true, nothing arrives from the containers, and no stream ends. */
  mute = false;
  /** If true, the server greets with an empty message once the WebSocket is open, as a real one does. */
  greets = false;
  /** If true, containers read no bytes: sent bytes stay in this process. */
  stalled = false;
  /** If true, a connection that breaks leaves the input of its process open, as a network without a word does. */
  losesSilently = false;
  /** If true, requests get no response. */
  unanswered = false;
  readonly sockets = new Set<FakeSocket>();
  /** Pod UID and container ID in responses of the API; `undefined`: the pod is missing. */
  podUid: string | undefined = this.target.podUid;
  containerId: string = this.target.containerId;
  /** What the link carries in a second; pongs come accordingly. Default: as much as is sent. */
  bytesPerSecond = Infinity;
  /** Milliseconds of a round trip. Default: less than one. */
  roundTripMs = 0;
  /** Bytes that were sent to standard inputs. */
  sentBytes = 0;
  /** Number of started execs. */
  execs = 0;

  constructor(spec: ContainerSpec, protocol = "v5.channel.k8s.io") {
    this.spec = spec;
    this.protocol = protocol;
  }

  async request({ path, signal }: ClusterRequest): Promise<ClusterResponse> {
    if (this.unanswered) {
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    }
    const { namespace, pod } = this.target;
    const found = path === `/api/v1/namespaces/${namespace}/pods/${pod}` && this.podUid !== undefined;
    const body = found
      ? {
          kind: "Pod",
          metadata: { name: pod, uid: this.podUid },
          status: {
            containerStatuses: [{ name: this.target.container, containerID: this.containerId, state: { running: {} } }],
          },
        }
      : { kind: "Status", status: "Failure", code: 404, reason: "NotFound", message: `pods "${pod}" not found` };
    return {
      status: found ? 200 : 404,
      headers: {},
      json: async () => body,
      async *body() {
        yield Buffer.from(JSON.stringify(body));
      },
    };
  }

  readonly canI = (): Promise<boolean> => Promise.resolve(true);

  async webSocket(
    _path: string,
    query: Readonly<Record<string, string | readonly string[] | boolean | undefined>>,
    _protocols: readonly string[],
    signal: AbortSignal,
  ): Promise<ClusterSocket> {
    signal.throwIfAborted();
    if (this.roundTripMs > 0) await new Promise((resolve) => setTimeout(resolve, this.roundTripMs));
    this.execs += 1;
    const [program = "", ...rest] = query["command"] as readonly string[];
    const shell = program === "sh" ? this.spec.shell : [program];
    const socket = new FakeSocket(this, [...shell, ...rest], this.cutNext);
    this.cutNext = undefined;
    this.sockets.add(socket);
    return socket;
  }

  /** Kills what runs in the container, as a restart does. */
  killAll(): void {
    for (const socket of this.sockets) socket.kill();
  }

  /** Containers take no bytes until the returned function is called. */
  stall(): () => void {
    this.stalled = true;
    return () => {
      this.stalled = false;
      for (const socket of this.sockets) socket.flush();
    };
  }

  /** Drops every connection, as a network does. */
  dropAll(): void {
    for (const socket of this.sockets) socket.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.killAll();
    for (const socket of this.sockets) socket.terminate();
    await Promise.all([...this.sockets].map((socket) => socket.gone));
  }
}

export class FakeSocket implements ClusterSocket {
  readonly protocol: string;
  onMessage: ((data: Uint8Array) => void) | undefined;
  onPong: (() => void) | undefined;
  onClose: ((end: { readonly code: number; readonly reason: string; readonly error?: Error }) => void) | undefined;
  /** Settles when the process has ended. */
  readonly gone: Promise<void>;
  readonly #cluster: FakeCluster;
  readonly #process: ChildProcessWithoutNullStreams | undefined;
  readonly #cut: Cut | undefined;
  #closed = false;
  #sent = 0;
  /** When the link has carried all that was sent. */
  #carriedAtMs = 0;
  readonly #held: { readonly bytes: Uint8Array; readonly done: ((error?: Error) => void) | undefined }[] = [];
  #heldBytes = 0;
  #received = 0;

  constructor(cluster: FakeCluster, argv: readonly string[], cut: Cut | undefined) {
    this.#cluster = cluster;
    this.#cut = cut;
    this.protocol = cluster.protocol;
    const { cwd, path, env, shell, enter = [] } = cluster.spec;
    const [program = "", ...args] = [...enter, ...argv];
    const gone = Promise.withResolvers<void>();
    this.gone = gone.promise;
    if (cluster.greets) setImmediate(() => this.onMessage?.(Uint8Array.of(1)));
    if (shell.length === 0 && argv[0] === "-c") {
      setImmediate(() => this.#notFound("sh"));
      gone.resolve();
      return;
    }
    // A runtime's exec leads a session of its own.
    this.#process = spawn(program, args, { cwd, env: { PATH: path, ...env }, stdio: "pipe", detached: true });
    this.#process.stdin.on("error", () => {});
    this.#process.stdout.on("data", (data: Buffer) => this.#output(1, data));
    this.#process.stderr.on("data", (data: Buffer) => this.#output(2, data));
    this.#process.on("error", () => {
      this.#notFound(program);
      gone.resolve();
    });
    this.#process.on("exit", () => gone.resolve());
    this.#process.on("close", (code, killed) => {
      const exit = code ?? (killed === "SIGKILL" ? 137 : 143);
      this.#status(
        exit === 0
          ? { status: "Success" }
          : {
              status: "Failure",
              reason: "NonZeroExitCode",
              message: `command terminated with non-zero exit code: exit status ${exit}`,
              details: { causes: [{ reason: "ExitCode", message: String(exit) }] },
            },
      );
    });
  }

  /** The process of the exec, which leads a session. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  #notFound(program: string): void {
    const message = `OCI runtime exec failed: exec: "${program}": executable file not found in $PATH: unknown`;
    this.#status({ status: "Failure", reason: "InternalError", message });
  }

  #output(channel: number, data: Buffer): void {
    if (this.#closed || this.#cluster.mute) return;
    let bytes = data;
    const limit = this.#cut?.received;
    if (channel === 1 && limit !== undefined && this.#received + bytes.length >= limit) {
      bytes = bytes.subarray(0, Math.max(0, limit - this.#received));
      this.onMessage?.(Buffer.concat([Uint8Array.of(channel), bytes]));
      this.terminate();
      return;
    }
    if (channel === 1) this.#received += bytes.length;
    this.onMessage?.(Buffer.concat([Uint8Array.of(channel), bytes]));
  }

  #status(status: object): void {
    if (this.#closed || this.#cluster.mute) return;
    this.onMessage?.(Buffer.concat([Uint8Array.of(3), Buffer.from(JSON.stringify({ kind: "Status", ...status }))]));
    this.#close({ code: 1000, reason: "" });
  }

  get bufferedAmount(): number {
    return this.#heldBytes + (this.#process?.stdin.writableLength ?? 0);
  }

  send(data: Uint8Array, done?: (error?: Error) => void): void {
    if (this.#closed || this.#process === undefined) {
      done?.(new Error("closed"));
      return;
    }
    if (data[0] === 255) {
      this.#process.stdin.end(done);
      return;
    }
    let bytes = data.subarray(1);
    const limit = this.#cut?.sent;
    if (limit !== undefined && this.#sent + bytes.length >= limit) {
      bytes = bytes.subarray(0, Math.max(0, limit - this.#sent));
      this.#process.stdin.write(bytes);
      this.terminate();
      done?.(new Error("cut"));
      return;
    }
    this.#sent += bytes.length;
    this.#cluster.sentBytes += bytes.length;
    const carryMs = (bytes.length * 1000) / this.#cluster.bytesPerSecond;
    this.#carriedAtMs = Math.max(this.#carriedAtMs, performance.now()) + carryMs;
    if (this.#cluster.stalled) {
      this.#held.push({ bytes, done });
      this.#heldBytes += bytes.length;
      return;
    }
    this.#process.stdin.write(bytes, (error) => done?.(error ?? undefined));
  }

  /** Sends what was kept back while the container was stalled. */
  flush(): void {
    for (const { bytes, done } of this.#held.splice(0)) {
      this.#heldBytes -= bytes.length;
      this.#process?.stdin.write(bytes, (error) => done?.(error ?? undefined));
    }
  }

  ping(): void {
    const waitMs = Math.max(0, this.#carriedAtMs - performance.now()) + this.#cluster.roundTripMs;
    if (waitMs < 0.1) setImmediate(() => this.onPong?.());
    else setTimeout(() => this.onPong?.(), waitMs).unref();
  }

  pause(): void {
    this.#process?.stdout.pause();
  }

  resume(): void {
    this.#process?.stdout.resume();
  }

  close(code = 1000): void {
    setImmediate(() => this.#close({ code, reason: "" }));
  }

  terminate(): void {
    setImmediate(() => this.#close({ code: 1006, reason: "", error: new Error("socket hang up") }));
  }

  kill(): void {
    this.#process?.kill("SIGKILL");
  }

  #close(end: { readonly code: number; readonly reason: string; readonly error?: Error }): void {
    if (this.#closed) return;
    this.#closed = true;
    // The process only sees the end of its input.
    if (!this.#cluster.losesSilently) this.#process?.stdin.end();
    this.onClose?.(end);
  }
}
