import { readFile } from "node:fs/promises";
import { connect as connectTcp, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls, createSecureContext, TLSSocket } from "node:tls";
import type { SecureContext } from "node:tls";
import { createCertificates } from "../cluster/certificates.ts";
import { embedded, kubeconfigText, readRoute, writeKubeconfig } from "../harness/kubeconfig.ts";
import { RelayConnection } from "./relay-connection.ts";
import type { ConnectionOwner, Disruption, Use } from "./relay-connection.ts";

/** A moment in what kinsync sends over one exec stream. */
export interface Point {
  /** This number of bytes passes, counted from now on. */
  readonly afterBytes: number;
  /** Disrupts at the container's next answer, which does not pass. Default: false, as soon as the bytes have passed. */
  readonly atAnswer?: boolean;
}

export interface RelayOptions {
  /** Path of the kubeconfig whose server the relay connects to. */
  readonly kubeconfig: string;
  /** Existing folder for the relay's own kubeconfig and certificate. */
  readonly folder: string;
  readonly namespace: string;
  /**
   * Relays TLS unchanged: both sides see each other's certificates, but the use of a connection is unknown. Requires that the API
   * server has a certificate for 127.0.0.1. Default: false.
   */
  readonly opaque?: boolean;
}

interface Upstream {
  readonly server: URL;
  readonly context: SecureContext;
  readonly serverName: string | undefined;
}

interface Plan extends Point {
  readonly disruption: Disruption;
  readonly done: () => void;
}

/**
 * Relays bytes between kinsync and the API server, and disrupts connections: all of one use, or one exec stream at an exact byte.
 * It terminates kinsync's TLS with its own certificate, so that it counts the bytes of WebSocket messages.
 */
export class Relay implements AsyncDisposable {
  /** Path of a kubeconfig of this relay; the user is that of the original. */
  readonly kubeconfig: string;
  /** What each exec stream carries in a second from kinsync, in bytes. Default: as much as the machine can. */
  execBytesPerSecond: number | undefined;
  /** While true, new connections are accepted and not answered. */
  isSilent = false;
  /** Number of answers with the code 410 that passed: the version of a watch expired. */
  expired = 0;
  readonly #server: Server;
  readonly #connections = new Set<RelayConnection>();
  readonly #upstream: Upstream;
  /** `undefined`: TLS is relayed unchanged. */
  readonly #ownContext: SecureContext | undefined;
  #plan: Plan | undefined;

  private constructor(kubeconfig: string, server: Server, upstream: Upstream, ownContext: SecureContext | undefined) {
    this.kubeconfig = kubeconfig;
    this.#server = server;
    this.#upstream = upstream;
    this.#ownContext = ownContext;
    server.on("connection", (socket) => this.#accept(socket));
  }

  static async open({ kubeconfig, folder, namespace, opaque = false }: RelayOptions): Promise<Relay> {
    const { cluster, user, server: upstreamUrl } = await readRoute(kubeconfig);
    const certificates = join(folder, "relay-certificates");
    await createCertificates(certificates, [{ name: "relay", subject: "/CN=relay", names: "IP:127.0.0.1" }]);
    const pem = (name: string): Promise<string> => readFile(join(certificates, name), "utf8");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const text = kubeconfigText({
      cluster: opaque
        ? { ...cluster, server: address }
        : { server: address, "certificate-authority-data": btoa(await pem("ca.crt")) },
      user,
      namespace,
    });
    const path = await writeKubeconfig(join(folder, "through-relay"), text);
    const upstream = {
      server: upstreamUrl,
      context: createSecureContext({
        ca: embedded(cluster, "certificate-authority"),
        cert: embedded(user, "client-certificate"),
        key: embedded(user, "client-key"),
      }),
      serverName: cluster["tls-server-name"],
    };
    const ownContext = opaque
      ? undefined
      : createSecureContext({ cert: await pem("relay.crt"), key: await pem("relay.key") });
    return new Relay(path, server, upstream, ownContext);
  }

  /** The number of open connections of one use. */
  count(use: Use): number {
    return [...this.#connections].filter((each) => each.use === use && !each.isDisrupted).length;
  }

  /** Disrupts, once, the first exec stream that reaches the point. Resolves when this has happened. */
  async disruptAt(disruption: Disruption, point: Point): Promise<void> {
    for (const connection of this.#connections) connection.sentBytes = 0;
    await new Promise<void>((done) => (this.#plan = { ...point, disruption, done }));
  }

  /** Disrupts the open connections: all, or those of one use. */
  disrupt(disruption: Disruption, use?: Use): void {
    for (const connection of this.#connections)
      if (use === undefined || connection.use === use) connection.disrupt(disruption);
  }

  /** Continues the silent connections that are still open where they stopped. */
  resume(): void {
    this.isSilent = false;
    for (const connection of this.#connections) connection.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }

  #allowance(connection: RelayConnection, bytes: number): number {
    const plan = this.#plan;
    if (plan === undefined || connection.use !== "exec" || plan.atAnswer === true) return bytes;
    return Math.min(bytes, Math.max(0, plan.afterBytes - connection.sentBytes));
  }

  /** Disrupts the connection if it reached the planned point. */
  #onTraffic(connection: RelayConnection, direction: "sent" | "answer"): void {
    const plan = this.#plan;
    if (plan === undefined || connection.use !== "exec" || connection.sentBytes < plan.afterBytes) return;
    if ((plan.atAnswer ?? false) !== (direction === "answer")) return;
    this.#plan = undefined;
    connection.disrupt(plan.disruption);
    plan.done();
  }

  #accept(raw: Socket): void {
    const { server, context, serverName } = this.#upstream;
    const address = { host: server.hostname.replaceAll(/[[\]]/g, ""), port: Number(server.port || 443) };
    const rawServer = connectTcp({ ...address, noDelay: true });
    raw.setNoDelay(true);
    const [client, upstream] =
      this.#ownContext === undefined
        ? [raw, rawServer]
        : [
            new TLSSocket(raw, { isServer: true, secureContext: this.#ownContext, ALPNProtocols: ["http/1.1"] }),
            connectTls({
              socket: rawServer,
              secureContext: context,
              ALPNProtocols: ["http/1.1"],
              ...(serverName === undefined ? { host: address.host } : { servername: serverName }),
            }),
          ];
    const owner: ConnectionOwner = {
      host: server.host,
      execBytesPerSecond: () => this.execBytesPerSecond,
      allowance: (connection, bytes) => this.#allowance(connection, bytes),
      onTraffic: (connection, direction) => this.#onTraffic(connection, direction),
      onExpired: () => (this.expired += 1),
    };
    const connection = new RelayConnection(owner, { client, server: upstream, raw: [raw, rawServer] });
    this.#connections.add(connection);
    raw.once("close", () => this.#connections.delete(connection));
    if (this.isSilent) connection.disrupt("silence");
  }
}
