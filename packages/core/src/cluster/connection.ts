import type {
  AccessQuestion,
  ClusterConnection,
  ClusterRequest,
  ClusterResponse,
  ClusterSocket,
} from "../contract/cluster.ts";
import { KinsyncError } from "../errors/error.ts";
import { errorOfStatus } from "../contract/status.ts";
import { recordOf } from "./auth/foreign-fields.ts";
import type { ClusterTimeouts, CommonOptions } from "./connection-options.ts";
import type { ClusterLogin, LoginMaterial } from "./login.ts";
import { exchange, type Call } from "./net/exchange.ts";
import { failureOf, type Endpoint } from "./net/failure.ts";
import { ConnectionPool } from "./net/pool.ts";
import { chooseProxy, type Proxy } from "./net/proxy.ts";
import { pathWithQuery, RestResponse } from "./net/rest.ts";
import { serverOf, type ServerAddress } from "./net/server.ts";
import { CallerSocket, upgrade } from "./net/socket.ts";
import { errorOfUpgrade } from "./net/upgrade-error.ts";
import { createTlsClient, type TlsClient, type TlsMaterial } from "./net/tls.ts";

/** One server-side apply; `body` is JSON, which is YAML. */
interface ApplyCall {
  readonly path: string;
  readonly fieldManager: string;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** Requests and sockets share credentials, retries and endings; apart they would be pieces of one thing. */
export class Connection implements ClusterConnection {
  readonly context: string;
  readonly server: string;
  readonly namespace: string;
  readonly #login: ClusterLogin;
  readonly #server: ServerAddress;
  readonly #proxy: Proxy | undefined;
  readonly #endpoint: Endpoint;
  readonly #timeouts: Required<Omit<ClusterTimeouts, "credentials">>;
  readonly #stop: AbortController;
  readonly #sockets = new Set<ClusterSocket>();
  /** Until the first connection is open. */
  #onConnect: (() => void) | undefined;
  #expectsSockets = false;
  #pool: { readonly material: LoginMaterial; readonly pool: ConnectionPool } | undefined;

  constructor(login: ClusterLogin, options: CommonOptions, stop: AbortController) {
    const { cluster, context } = login;
    const server = serverOf(cluster);
    const proxy = chooseProxy(server, cluster.proxyUrl, options.env);
    this.context = context;
    this.server = server.href;
    this.namespace = options.namespace ?? login.namespace;
    this.#login = login;
    this.#stop = stop;
    this.#onConnect = options.onConnect;
    this.#server = server;
    this.#proxy = proxy;
    this.#endpoint = { who: `The API server ${server.href} (context "${context}")`, proxy: proxy?.href };
    const { connect = 10_000, handshake = 10_000, idle = 30_000, kept = 5_000 } = options.timeouts ?? {};
    this.#timeouts = { connect, handshake, idle, kept };
  }

  async request(request: ClusterRequest): Promise<ClusterResponse> {
    const { path, query = {}, accept = "application/json", signal, idleTimeout = this.#timeouts.idle } = request;
    // A proxy that compresses an endless answer delays its lines.
    const isEndless = query["watch"] !== undefined || query["follow"] !== undefined;
    const encoding = this.#login.cluster.disableCompression || isEndless ? {} : GZIP;
    return await this.#send({
      method: "GET",
      path: pathWithQuery(path, query),
      headers: { accept, ...encoding },
      signal,
      idleTimeout,
    });
  }

  async canI(question: AccessQuestion, signal: AbortSignal): Promise<boolean | undefined> {
    const response = await this.#send({
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      headers: { accept: "application/json", "content-type": "application/json" },
      body: JSON.stringify({
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: { resourceAttributes: question },
      }),
      signal,
      idleTimeout: this.#timeouts.idle,
    });
    const isCreated = response.status === 200 || response.status === 201;
    if (!isCreated) {
      await response.discard();
      if (response.status === 401) throw errorOfStatus(undefined, `ask ${this.server} for permissions`, response);
      return undefined;
    }
    const status = recordOf(recordOf(await response.json())["status"]);
    if (status["allowed"] === true) return true;
    // An authorizer that failed answers no, too.
    const isUnsure = typeof status["evaluationError"] === "string" && status["denied"] !== true;
    return status["allowed"] === false && !isUnsure ? false : undefined;
  }

  async webSocket(
    path: string,
    query: Readonly<Record<string, string | readonly string[] | boolean | undefined>>,
    protocols: readonly string[],
    signal: AbortSignal,
  ): Promise<ClusterSocket> {
    const any = AbortSignal.any([signal, this.#stop.signal]);
    for (let tries = 1; ; tries += 1) {
      const material = await this.#login.get(any);
      const call = {
        path: pathWithQuery(path, query),
        protocols,
        headers: material.headers,
        signal: any,
        timeout: this.#timeouts.handshake,
      };
      const result = await this.#attempt(any, async () => await upgrade(this.#poolFor(material), call, this.#endpoint));
      if (result instanceof CallerSocket) return this.#own(result);
      if (result.status !== 401 || tries > 1 || !(await this.#login.refuse(material))) {
        throw errorOfUpgrade(result, describe(path), this.#endpoint);
      }
    }
  }

  expectSockets(): void {
    this.#expectsSockets = true;
    this.#pool?.pool.openAhead();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new DOMException("The connection to the cluster was closed", "AbortError"));
    for (const socket of this.#sockets) socket.terminate();
    this.#pool?.pool.destroy();
  }

  /**
   * Sends a server-side apply, for `clusterWriter` alone: the interface of a connection has no way to write.
   * @throws `KINSYNC_INTERNAL` for a connection that is not one of this class
   */
  static async apply(
    cluster: ClusterConnection,
    { path, fieldManager, body, signal }: ApplyCall,
  ): Promise<ClusterResponse> {
    if (!(#login in cluster)) {
      throw new KinsyncError("KINSYNC_INTERNAL", "this connection was not made by connectCluster, so it cannot write");
    }
    return await cluster.#send({
      method: "PATCH",
      path: pathWithQuery(path, { fieldManager, fieldValidation: "Strict" }),
      headers: { accept: "application/json", "content-type": "application/apply-patch+yaml" },
      body,
      signal,
      idleTimeout: cluster.#timeouts.idle,
    });
  }

  async #send(call: Call): Promise<RestResponse> {
    const signal = AbortSignal.any([call.signal, this.#stop.signal]);
    for (let tries = 1; ; tries += 1) {
      const material = await this.#login.get(signal);
      const headers = { "user-agent": "kinsync", ...call.headers, ...material.headers };
      const sent = await this.#attempt(
        signal,
        async () => await exchange(this.#poolFor(material), { ...call, headers, signal }),
      );
      const response = new RestResponse(sent, this.#endpoint, signal);
      if (response.status !== 401 || tries > 1 || !(await this.#login.refuse(material))) return response;
      await response.discard();
    }
  }

  async #attempt<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    try {
      signal.throwIfAborted();
      return await work();
    } catch (error) {
      throw failureOf(error, this.#endpoint, signal);
    }
  }

  /** The connections that use this login; new ones when a certificate or the authority was rotated. */
  #poolFor(login: LoginMaterial): ConnectionPool {
    const present = this.#pool;
    if (present !== undefined && isSameLogin(present.material, login)) return present.pool;
    const material: TlsMaterial = { ca: login.authority, cert: login.certificate?.cert, key: login.certificate?.key };
    let tls: TlsClient | undefined;
    try {
      tls = this.#server.secure ? createTlsClient(material) : undefined;
    } catch (cause) {
      // The new certificate exists already and its key does not: the rotation is half done.
      if (present !== undefined) return present.pool;
      throw this.#brokenMaterial(material, cause);
    }
    this.#stop.signal.throwIfAborted();
    const { tlsServerName, insecureSkipTlsVerify } = login;
    const route = { server: this.#server, proxy: this.#proxy, tlsServerName, insecureSkipTlsVerify };
    const pool = new ConnectionPool(route, tls, this.#timeouts, () => {
      const report = this.#onConnect;
      this.#onConnect = undefined;
      report?.();
    });
    if (this.#expectsSockets && present === undefined) pool.openAhead();
    this.#pool = { material: login, pool };
    present?.pool.retire();
    return pool;
  }

  #brokenMaterial(material: TlsMaterial, cause: unknown): KinsyncError {
    const isOwn = material.cert !== undefined && canUse({ ...material, cert: undefined, key: undefined });
    return isOwn
      ? new KinsyncError(
          "KINSYNC_CLUSTER_CREDENTIALS",
          `The client certificate and key of context "${this.context}" cannot be used`,
          { cause, hint: "Both must be PEM, without a passphrase, and belong together.", retry: "terminal" },
        )
      : new KinsyncError(
          "KINSYNC_CLUSTER_KUBECONFIG",
          `The certificate-authority of cluster "${this.#login.cluster.name}" is not a certificate`,
          { cause, hint: "It must be PEM; certificate-authority-data is the base64 of that." },
        );
  }

  /** Keeps the socket until it closes, so that nothing outlives the connection. */
  #own(socket: CallerSocket): ClusterSocket {
    if (this.#stop.signal.aborted) {
      socket.terminate();
      throw this.#stop.signal.reason;
    }
    this.#sockets.add(socket);
    socket.whenClosed(() => this.#sockets.delete(socket));
    return socket;
  }
}

function isSameLogin(a: LoginMaterial, b: LoginMaterial): boolean {
  return (
    a.authority === b.authority &&
    a.certificate?.cert === b.certificate?.cert &&
    a.certificate?.key === b.certificate?.key &&
    a.tlsServerName === b.tlsServerName &&
    a.insecureSkipTlsVerify === b.insecureSkipTlsVerify
  );
}

const GZIP = { "accept-encoding": "gzip" } as const;

function canUse(material: TlsMaterial): boolean {
  try {
    createTlsClient(material);
    return true;
  } catch {
    return false;
  }
}

/** The purpose of a WebSocket, for people. */
function describe(path: string): string {
  const [, namespace, pod, what] = /\/namespaces\/([^/]+)\/pods\/([^/]+)\/(\w+)$/.exec(path) ?? [];
  if (namespace === undefined || pod === undefined) return `open a WebSocket to ${path}`;
  const purpose = { exec: "exec into", portforward: "forward a port to" }[what ?? ""] ?? `${what} to`;
  return `${purpose} pod ${namespace}/${pod}`;
}
