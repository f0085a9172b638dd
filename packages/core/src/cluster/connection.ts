import type {
  AccessQuestion,
  ClusterConnection,
  ClusterRequest,
  ClusterResponse,
  ClusterSocket,
} from "../contract/cluster.ts";
import { KinsyncError } from "../errors/error.ts";
import { errorOfStatus } from "../contract/status.ts";
import { chooseContext, type ContextOptions } from "./auth/context.ts";
import { Credentials, decodeBase64, type Credential } from "./auth/credentials.ts";
import type { Route } from "./net/dial.ts";
import { exchange, type Call } from "./net/exchange.ts";
import type { CredentialTerminal } from "./auth/exec-plugin.ts";
import { failureOf, type Endpoint } from "./net/failure.ts";
import { clusterInfoOf } from "./auth/cluster-info.ts";
import { FileText } from "./auth/file-text.ts";
import { impersonationOf } from "./auth/impersonation.ts";
import type { ChosenContext, KubeconfigCluster } from "./auth/kubeconfig.ts";
import { recordOf } from "./auth/foreign-fields.ts";
import { ConnectionPool } from "./net/pool.ts";
import { chooseProxy } from "./net/proxy.ts";
import { pathWithQuery, RestResponse } from "./net/rest.ts";
import { serverOf } from "./net/server.ts";
import { CallerSocket, upgrade } from "./net/socket.ts";
import { createTlsClient, isSameMaterial, type TlsClient, type TlsMaterial } from "./net/tls.ts";

/** All times in milliseconds. */
export interface ClusterTimeouts {
  /** Until a connection is open, proxy and TLS included. Default: 10,000. */
  readonly connect?: number;
  /** Until the server answered the request for a WebSocket on an open connection. Default: 10,000. */
  readonly handshake?: number;
  /** Without a single byte of an answer, where the request sets no limit of its own. Default: 30,000. */
  readonly idle?: number;
  /**
   * Until the answer begins to a request over a connection that was kept from an earlier one. That connection may be dead, so that
   * another one is tried then. Default: 5,000.
   */
  readonly kept?: number;
  /** Until a credential plugin or an OIDC issuer answered. Default: 60,000; 300,000 with a terminal, where a person may have to type. */
  readonly credentials?: number;
}

export interface ClusterOptions extends ContextOptions {
  /** Name of the context. Default: the current one; in a pod without a kubeconfig, `in-cluster`. */
  readonly context?: string;
  /** Default: that of the context. */
  readonly namespace?: string;
  /** Where credential plugins may prompt the user; they inherit stdin then. Default: none; plugins then get `interactive: false`. */
  readonly terminal?: CredentialTerminal;
  /** Ends the call, not the connection. */
  readonly signal?: AbortSignal;
  readonly timeouts?: ClusterTimeouts;
}

/**
 * Reads the kubeconfig and returns a connection to its API server. Sends nothing to the server before the first request.
 * @throws `KINSYNC_CLUSTER_KUBECONFIG`, `KINSYNC_CLUSTER_CONTEXT_UNKNOWN`, `KINSYNC_CLUSTER_CREDENTIALS` (a login method that
 * Kubernetes removed)
 * @example
 * await using cluster = await connectCluster({ env: process.env });
 * const pods = await cluster.request({ path: `/api/v1/namespaces/${cluster.namespace}/pods`, signal });
 */
export async function connectCluster(options: ClusterOptions): Promise<ClusterConnection> {
  options.signal?.throwIfAborted();
  const chosen = await chooseContext(options, options.context);
  options.signal?.throwIfAborted();
  return new Connection(chosen, options);
}

/** Requests and sockets share credentials, retries and endings; apart they would be pieces of one thing. */
class Connection implements ClusterConnection {
  readonly context: string;
  readonly server: string;
  readonly namespace: string;
  readonly #cluster: KubeconfigCluster;
  readonly #route: Route;
  readonly #endpoint: Endpoint;
  readonly #authority: FileText | undefined;
  readonly #impersonation: Readonly<Record<string, string | readonly string[]>>;
  readonly #credentials: Credentials;
  readonly #timeouts: Required<ClusterTimeouts>;
  readonly #stop = new AbortController();
  readonly #sockets = new Set<ClusterSocket>();
  #pool: { readonly material: TlsMaterial; readonly pool: ConnectionPool } | undefined;

  constructor(chosen: ChosenContext, options: ClusterOptions) {
    const { cluster, user } = chosen;
    const server = serverOf(cluster);
    const proxy = chooseProxy(server, cluster.proxyUrl, options.env);
    this.context = chosen.name;
    this.server = server.href;
    this.namespace = options.namespace ?? chosen.namespace;
    this.#cluster = cluster;
    this.#route = {
      server,
      proxy,
      tlsServerName: cluster.tlsServerName,
      insecureSkipTlsVerify: cluster.insecureSkipTlsVerify,
    };
    this.#endpoint = { who: `The API server ${server.href} (context "${chosen.name}")`, proxy: proxy?.href };
    this.#authority =
      cluster.certificateAuthority === undefined ? undefined : new FileText(cluster.certificateAuthority);
    this.#impersonation = impersonationOf(user);
    const { connect = 10_000, handshake = 10_000, idle = 30_000, kept = 5_000 } = options.timeouts ?? {};
    const credentials = options.timeouts?.credentials ?? (options.terminal === undefined ? 60_000 : 300_000);
    this.#timeouts = { connect, handshake, idle, kept, credentials };
    this.#credentials = new Credentials(user, {
      env: options.env,
      clusterInfo: async () => clusterInfoOf(this.#cluster, await this.#readAuthority()),
      terminal: options.terminal,
      timeout: credentials,
    });
  }

  async request(request: ClusterRequest): Promise<ClusterResponse> {
    const { path, query = {}, accept = "application/json", signal, idleTimeout = this.#timeouts.idle } = request;
    // A proxy that compresses an endless answer delays its lines.
    const encoding = this.#cluster.disableCompression || query["watch"] !== undefined ? {} : GZIP;
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
      const credential = await this.#credentials.get(any);
      const call = {
        path: pathWithQuery(path, query),
        protocols,
        headers: this.#headers(credential),
        signal: any,
        timeout: this.#timeouts.handshake,
      };
      const result = await this.#attempt(
        any,
        async () => await upgrade(await this.#poolFor(credential), call, this.#endpoint),
      );
      if (result instanceof CallerSocket) return this.#own(result);
      if (result.status !== 401 || tries > 1 || !this.#credentials.refuse(credential)) {
        throw errorOfStatus(result.body, describe(path), result);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new DOMException("The connection to the cluster was closed", "AbortError"));
    for (const socket of this.#sockets) socket.terminate();
    this.#pool?.pool.destroy();
  }

  async #send(call: Call): Promise<RestResponse> {
    const signal = AbortSignal.any([call.signal, this.#stop.signal]);
    for (let tries = 1; ; tries += 1) {
      const credential = await this.#credentials.get(signal);
      const headers = { "user-agent": "kinsync", ...call.headers, ...this.#headers(credential) };
      const sent = await this.#attempt(
        signal,
        async () => await exchange(await this.#poolFor(credential), { ...call, headers, signal }),
      );
      const response = new RestResponse(sent, this.#endpoint, signal);
      if (response.status !== 401 || tries > 1 || !this.#credentials.refuse(credential)) return response;
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

  #headers(credential: Credential): Record<string, string | readonly string[]> {
    const { authorization } = credential;
    return { ...(authorization === undefined ? {} : { authorization }), ...this.#impersonation };
  }

  /** The connections that use this credential; new ones when a certificate or the authority was rotated. */
  async #poolFor(credential: Credential): Promise<ConnectionPool> {
    const { cert, key } = credential.certificate ?? { cert: undefined, key: undefined };
    const material: TlsMaterial = { ca: await this.#readAuthority(), cert, key };
    const present = this.#pool;
    if (present !== undefined && isSameMaterial(present.material, material)) return present.pool;
    let tls: TlsClient | undefined;
    try {
      tls = this.#route.server.secure ? createTlsClient(material) : undefined;
    } catch (cause) {
      // The new certificate exists already and its key does not: the rotation is half done.
      if (present !== undefined) return present.pool;
      throw this.#brokenMaterial(material, cause);
    }
    this.#stop.signal.throwIfAborted();
    const pool = new ConnectionPool(this.#route, tls, this.#timeouts);
    this.#pool = { material, pool };
    present?.pool.retire();
    return pool;
  }

  async #readAuthority(): Promise<string | undefined> {
    const data = decodeBase64(this.#cluster.certificateAuthorityData);
    if (data !== undefined || this.#authority === undefined) return data;
    try {
      return await this.#authority.read();
    } catch (cause) {
      throw new KinsyncError(
        "KINSYNC_CLUSTER_KUBECONFIG",
        `The certificate-authority ${this.#authority.path} of cluster "${this.#cluster.name}" cannot be read`,
        { cause, hint: "Fix the path in the kubeconfig." },
      );
    }
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
          `The certificate-authority of cluster "${this.#cluster.name}" is not a certificate`,
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
  return `${what === "exec" ? "exec into" : `${what} to`} pod ${namespace}/${pod}`;
}
