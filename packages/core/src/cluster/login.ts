import type { ClientCertificate } from "./auth/giver.ts";
import type { Headers } from "./net/exchange.ts";

/** Where a login leads to. It does not change while a connection is open. */
export interface LoginServer {
  /** For messages: the name of the cluster entry. */
  readonly name: string;
  /** Address of the API server, with or without a path. */
  readonly server: string | undefined;
  /** Default: that of the environment. */
  readonly proxyUrl: string | undefined;
  readonly disableCompression: boolean;
}

/** What one request needs. */
export interface LoginMaterial {
  /** `authorization`, and the headers of impersonation. */
  readonly headers: Headers;
  readonly certificate: ClientCertificate | undefined;
  /** PEM of the certificate authority. Default: what the system trusts. */
  readonly authority: string | undefined;
  /** Name that the server's certificate must have. Default: the host name. */
  readonly tlsServerName: string | undefined;
  readonly insecureSkipTlsVerify: boolean;
}

/** One way to log in to a cluster. */
export interface ClusterLogin {
  /** Name of the context. */
  readonly context: string;
  /** Namespace of the context. */
  readonly namespace: string;
  readonly cluster: LoginServer;
  /** For each request and WebSocket, so it must be fast where nothing has changed. Parallel callers share one fetch. */
  get(signal: AbortSignal): Promise<LoginMaterial>;
  /** The server refused this material with 401. True where the next `get` may return something else. */
  refuse(given: LoginMaterial): Promise<boolean>;
}
