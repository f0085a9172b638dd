/** A read of the API server. It can only be a GET. */
export interface ClusterRequest {
  /** Absolute API path, such as `/api/v1/namespaces/default/pods/web-0`. */
  readonly path: string;
  /** Parameters of the address. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** `Accept` header. Default: `application/json`. */
  readonly accept?: string;
  /** Ends the request. */
  readonly signal: AbortSignal;
  /** Milliseconds without a single byte until the request fails. Default: 30,000. */
  readonly idleTimeout?: number;
}

/** An answer of the API server, whatever its status. */
export interface ClusterResponse {
  /** HTTP status. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whole body as JSON. Throws `KINSYNC_CLUSTER_ANSWER` where it is not JSON. */
  json(): Promise<unknown>;
  /** The body as it arrives; for watches. Leaving the loop ends the request. */
  body(): AsyncIterable<Uint8Array>;
}

/** One permission to ask for, in the words of `SelfSubjectAccessReview`. */
export interface AccessQuestion {
  /** `get`, `list`, `watch`, … */
  readonly verb: string;
  /** API group; empty for the core group. */
  readonly group: string;
  /** Plural. */
  readonly resource: string;
  /** Such as `exec`. */
  readonly subresource?: string;
  /** Default: all namespaces, or the cluster scope. */
  readonly namespace?: string;
  /** Default: any object. */
  readonly name?: string;
}

/** An open WebSocket to the API server. Binary messages only. */
export interface ClusterSocket {
  /** The sub-protocol that the server chose. */
  readonly protocol: string;
  /** Bytes that were sent and that the operating system has not taken yet. */
  readonly bufferedAmount: number;
  /** Sends one whole message. Calls `done` once the message left this process, or with the error. The bytes must not change until then. */
  send(data: Uint8Array, done?: (error?: Error) => void): void;
  /** Sends a ping frame; `onPong` reports the answer. */
  ping(): void;
  /** Stops reading; backpressure reaches the server. */
  pause(): void;
  /** Undoes `pause`. */
  resume(): void;
  /** Closing handshake; `onClose` follows. */
  close(code?: number): void;
  /** Drops the connection now; `onClose` follows. */
  terminate(): void;
  /** Set by the owner before it returns to the event loop. Each is called at most once but `onMessage` and `onPong`. */
  onMessage: ((data: Uint8Array) => void) | undefined;
  /** Called with each pong frame. */
  onPong: (() => void) | undefined;
  /** Always called, exactly once: with the close code, or the error that ended the connection. */
  onClose: ((end: { readonly code: number; readonly reason: string; readonly error?: Error }) => void) | undefined;
}

/**
 * The only connection to the API server: kubeconfig in all its forms, in-cluster, client certificates, tokens, exec plugins, OIDC,
 * proxies. Credentials are fetched once for parallel callers and refreshed.
 */
export interface ClusterConnection extends AsyncDisposable {
  /** Name of the kubeconfig context; `in-cluster` inside a pod. */
  readonly context: string;
  /** `https://host:port`, without credentials. */
  readonly server: string;
  /** Namespace of the context. Default: `default`. */
  readonly namespace: string;
  /** Resolves for every HTTP status; rejects with a `KinsyncError` of area CLUSTER when there was no answer. */
  request(request: ClusterRequest): Promise<ClusterResponse>;
  /** Whether the current user has this permission; `undefined` if the server cannot tell. The only POST that kinsync sends to the API server. */
  canI(question: AccessQuestion, signal: AbortSignal): Promise<boolean | undefined>;
  /**
   * Opens a WebSocket. Rejects with a `KinsyncError` with the server's reason where the server refuses the upgrade.
   * @param query repeated keys by arrays: `{ command: ["sh", "-c", "…"] }`
   */
  webSocket(
    path: string,
    query: Readonly<Record<string, string | readonly string[] | boolean | undefined>>,
    protocols: readonly string[],
    signal: AbortSignal,
  ): Promise<ClusterSocket>;
  /**
   * WebSockets will be opened soon. Where the server is far away, some connections are opened ahead: each takes several round trips. What is
   * not used within seconds is closed. Since contract 2.6. Default: each is opened when it is needed.
   */
  expectSockets?(): void;
}

/** The object of an apply. `uid` is required, since an apply without it would create an object that is missing. */
export interface AppliedObject {
  /** `v1`, `GROUP/VERSION`. */
  readonly apiVersion: string;
  /** `ConfigMap`. */
  readonly kind: string;
  /** Which object, and which version of it. */
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    /** The apply fails with 409 if the object has another version by then. */
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** A server-side apply. It replaces what its field manager applied before, and is never forced. */
export interface ApplyRequest {
  /** Absolute API path of the object: `/api/v1/namespaces/ml/configmaps/settings`. */
  readonly path: string;
  /** The fields to set. */
  readonly object: AppliedObject;
  /** Name by which the API server records who manages a field. */
  readonly fieldManager: string;
  /** Ends the request. */
  readonly signal: AbortSignal;
}

/**
 * The only way to change an object of the cluster, for transports with the capability `writesApi`. It is limited to the resources that the
 * transport declares and to the namespace of the target. It creates and deletes no object, and takes no field from another manager.
 * Since contract 2.2.
 */
export interface ClusterWriter {
  /**
   * Resolves for every HTTP status: 409 where another manager has a field (`details.causes`), or where the object was changed or replaced.
   * Rejects with a `KinsyncError` of area CLUSTER when there was no answer, and with `KINSYNC_PLUGIN_FAILED` for what was not declared.
   */
  apply(request: ApplyRequest): Promise<ClusterResponse>;
}
