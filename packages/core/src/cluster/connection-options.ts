import type { Environment } from "./auth/kubeconfig.ts";

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

/** What every connection takes. */
export interface CommonOptions {
  /** `HOME`, `KUBECONFIG` and proxies are read from it; credential plugins inherit it. */
  readonly env: Environment;
  /** Default: that of the context. */
  readonly namespace?: string;
  /** Ends the call, not the connection. */
  readonly signal?: AbortSignal;
  readonly timeouts?: ClusterTimeouts;
  /** Called once, when the first connection to the server or its proxy is open: for work that only matters where there is one. Must not throw. */
  readonly onConnect?: () => void;
}
