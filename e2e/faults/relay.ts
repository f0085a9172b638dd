import { readFile } from "node:fs/promises";
import { connect as connectTcp, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls, createSecureContext, TLSSocket } from "node:tls";
import type { SecureContext } from "node:tls";
import { parse } from "yaml";
import { kubeconfigOf, writeKubeconfig } from "../harness/access.ts";
import { makeCertificates } from "../cluster/certificates.ts";

/** What a connection is used for, by the request that was sent last over it. */
export type Use = "exec" | "watch" | "other";

/**
 * - `reset`: both sides are told that the connection is over, as a firewall or a load balancer does.
 * - `silence`: nothing passes any more and nobody is told, as where packets are lost.
 */
export type Blow = "reset" | "silence";

/** A moment in what kinsync sends over one exec stream. */
export interface Point {
  /** Bytes from now on: so many are passed on. */
  readonly after: number;
  /** Not at once then, but when the container answers next, and the answer is held back. Default: false. */
  readonly atAnswer?: boolean;
}

export interface RelayOptions {
  /** Path of the kubeconfig whose server is relayed to. */
  readonly kubeconfig: string;
  /** Folder for its own kubeconfig and certificate. It must be there. */
  readonly folder: string;
  readonly namespace: string;
  /**
   * Passes TLS on as it is: client certificates and the server's own are seen on the other side, and what a connection is used for
   * is not known. The API server has to have a certificate for 127.0.0.1. Default: false.
   */
  readonly opaque?: boolean;
}

interface Upstream {
  readonly server: URL;
  readonly context: SecureContext;
  readonly serverName: string | undefined;
}

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: Readonly<Record<string, string | undefined>> }];
  readonly users: readonly [{ readonly user: Readonly<Record<string, string | undefined>> }];
}

/**
 * Stands between kinsync and the API server and passes bytes on, until it is told to strike: all connections of one use, or one
 * exec stream at an exact byte. It ends TLS on its side with a certificate of its own, so that the bytes that it counts are those
 * of WebSocket messages.
 */
export class Relay implements AsyncDisposable {
  /** Path of a kubeconfig that leads here; the user is that of the original. */
  readonly kubeconfig: string;
  /** True while new connections are taken and left without an answer. */
  isSilent = false;
  /** Answers with the code 410 that passed: the version that a watch wanted is forgotten. */
  expired = 0;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #upstream: Upstream;
  /** `undefined` where TLS is passed on. */
  readonly #own: SecureContext | undefined;
  #plan: (Point & { readonly blow: Blow; readonly done: (connection: Connection) => void }) | undefined;

  private constructor(kubeconfig: string, server: Server, upstream: Upstream, own: SecureContext | undefined) {
    this.kubeconfig = kubeconfig;
    this.#server = server;
    this.#upstream = upstream;
    this.#own = own;
    server.on("connection", (socket) => this.#take(socket));
  }

  static async open({ kubeconfig, folder, namespace, opaque = false }: RelayOptions): Promise<Relay> {
    const { clusters, users } = parse(await readFile(kubeconfig, "utf8")) as Kubeconfig;
    const [{ cluster }] = clusters;
    const [{ user }] = users;
    const pki = join(folder, "relay-pki");
    await makeCertificates(pki, [{ name: "relay", subject: "/CN=relay", names: "IP:127.0.0.1" }]);
    const pem = (name: string): Promise<string> => readFile(join(pki, name), "utf8");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const text = kubeconfigOf({
      cluster: opaque
        ? { ...cluster, server: address }
        : { server: address, "certificate-authority-data": btoa(await pem("ca.crt")) },
      user,
      namespace,
    });
    const path = await writeKubeconfig(join(folder, "by-relay"), text);
    const upstream = {
      server: new URL(cluster["server"] ?? ""),
      context: createSecureContext({
        ca: dataOf(cluster, "certificate-authority"),
        cert: dataOf(user, "client-certificate"),
        key: dataOf(user, "client-key"),
      }),
      serverName: cluster["tls-server-name"],
    };
    const own = opaque ? undefined : createSecureContext({ cert: await pem("relay.crt"), key: await pem("relay.key") });
    return new Relay(path, server, upstream, own);
  }

  /** Of the API server. */
  get host(): string {
    return this.#upstream.server.host;
  }

  /** Connections of one use that stand now. */
  count(use: Use): number {
    return [...this.#connections].filter((each) => each.use === use && !each.isStruck).length;
  }

  /** Strikes the first exec stream over which that many bytes went, once. Resolves when that has happened. */
  async strikeAt(blow: Blow, point: Point): Promise<void> {
    for (const connection of this.#connections) connection.sent = 0;
    await new Promise<Connection>((done) => (this.#plan = { ...point, blow, done }));
  }

  /** Strikes what stands now: all connections, or those of one use. */
  strike(blow: Blow, use?: Use): void {
    for (const connection of this.#connections)
      if (use === undefined || connection.use === use) connection.strike(blow);
  }

  /** What was silenced and still stands goes on where it stopped. */
  resume(): void {
    this.isSilent = false;
    for (const connection of this.#connections) connection.resume();
  }

  /** @returns how many bytes of a chunk may still pass */
  sending(connection: Connection, bytes: number): number {
    const plan = this.#plan;
    if (plan === undefined || connection.use !== "exec" || plan.atAnswer === true) return bytes;
    const left = plan.after - connection.sent;
    return left > bytes ? bytes : Math.max(0, left);
  }

  /** Strikes where the planned moment has come. */
  look(connection: Connection, isAnswer: boolean): void {
    const plan = this.#plan;
    if (plan === undefined || connection.use !== "exec" || connection.sent < plan.after) return;
    if ((plan.atAnswer ?? false) !== isAnswer) return;
    this.#plan = undefined;
    connection.strike(plan.blow);
    plan.done(connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.end();
    await closed;
  }

  #take(raw: Socket): void {
    const { server, context, serverName } = this.#upstream;
    const place = { host: server.hostname.replaceAll(/[[\]]/g, ""), port: Number(server.port || 443) };
    const rawUpstream = connectTcp({ ...place, noDelay: true });
    raw.setNoDelay(true);
    const [near, far] =
      this.#own === undefined
        ? [raw, rawUpstream]
        : [
            new TLSSocket(raw, { isServer: true, secureContext: this.#own, ALPNProtocols: ["http/1.1"] }),
            connectTls({
              socket: rawUpstream,
              secureContext: context,
              ALPNProtocols: ["http/1.1"],
              ...(serverName === undefined ? { host: place.host } : { servername: serverName }),
            }),
          ];
    const connection = new Connection(this, { near, far, raw: [raw, rawUpstream] });
    this.#connections.add(connection);
    raw.once("close", () => this.#connections.delete(connection));
    if (this.isSilent) connection.strike("silence");
  }
}

interface Ends {
  /** To kinsync. */
  readonly near: Socket;
  /** To the API server. */
  readonly far: Socket;
  /** Below TLS. */
  readonly raw: readonly [near: Socket, far: Socket];
}

class Connection {
  use: Use = "other";
  /** Bytes from kinsync, since a moment was planned. */
  sent = 0;
  isStruck = false;
  readonly #relay: Relay;
  readonly #ends: Ends;
  /** What was held back, in order. */
  readonly #held: { readonly to: Socket; readonly chunk: Buffer }[] = [];

  constructor(relay: Relay, ends: Ends) {
    this.#relay = relay;
    this.#ends = ends;
    const { near, far } = ends;
    this.#pass(near, far, (chunk) => this.#fromKinsync(chunk));
    this.#pass(far, near, (chunk) => this.#fromServer(chunk));
  }

  strike(blow: Blow): void {
    this.isStruck = true;
    const { near, far, raw } = this.#ends;
    if (blow === "reset") for (const socket of raw) socket.resetAndDestroy();
    else for (const socket of [near, far]) socket.pause();
  }

  resume(): void {
    if (!this.isStruck) return;
    this.isStruck = false;
    const { near, far } = this.#ends;
    for (const { to, chunk } of this.#held.splice(0)) to.write(chunk);
    for (const socket of [near, far]) socket.resume();
  }

  end(): void {
    const { near, far, raw } = this.#ends;
    for (const socket of [near, far, ...raw]) socket.destroy();
  }

  #fromKinsync(chunk: Buffer): number {
    const passes = this.#relay.sending(this, chunk.length);
    this.sent += passes;
    this.#relay.look(this, false);
    return passes;
  }

  #fromServer(chunk: Buffer): number {
    if (this.use !== "exec" && /"code":\s?410\b/.test(chunk.toString("latin1"))) this.#relay.expired += 1;
    this.#relay.look(this, true);
    return this.isStruck ? 0 : chunk.length;
  }

  /** A request names the API server as its host, which may want that. */
  #addressed(chunk: Buffer): Buffer {
    if (this.use === "exec") return chunk;
    const text = chunk.toString("latin1");
    const request = /^(?:GET|POST) (\S+) HTTP\/1\.1\r\n/.exec(text)?.[1];
    if (request === undefined) return chunk;
    this.use = useOf(request);
    return Buffer.from(text.replace(/(?<=\r\nhost: )[^\r]+/i, this.#relay.host), "latin1");
  }

  /** @param take gives how many bytes of a chunk pass on; it may have struck meanwhile */
  #pass(from: Socket, to: Socket, take: (chunk: Buffer) => number): void {
    from.on("data", (bytes: Buffer) => {
      const chunk = from === this.#ends.near ? this.#addressed(bytes) : bytes;
      const passes = take(chunk);
      if (passes < chunk.length) this.#held.push({ to, chunk: chunk.subarray(passes) });
      if (passes > 0 && !to.destroyed && !to.write(chunk.subarray(0, passes))) {
        from.pause();
        to.once("drain", () => {
          if (!this.isStruck) from.resume();
        });
      }
    });
    from.on("end", () => {
      if (!this.isStruck) to.end();
    });
    from.on("error", () => {});
    from.once("close", () => {
      // Where packets are lost, the other side does not learn of it.
      if (!this.isStruck) to.destroy();
    });
  }
}

function useOf(request: string): Use {
  if (/\/exec\?/.test(request)) return "exec";
  return /[?&]watch=true/.test(request) ? "watch" : "other";
}

function dataOf(part: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  const data = part[`${name}-data`];
  return data === undefined ? undefined : Buffer.from(data, "base64").toString();
}
