/** The requests that a fault applies to. A missing field matches all. */
export interface RequestPattern {
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; an exec is `get` on `pods`, subresource `exec`. */
  readonly verb?: string;
  /** `pods`, `jobs.batch`... */
  readonly resource?: string;
  /** `exec`, `log`, `status`, `scale`; empty for the resource alone. If missing, the pattern matches the resource and its subresources. */
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** Direction of the bytes of an exec session. */
export type ExecDirection = "stdin" | "stdout" | "stderr";

/** The exec sessions that a fault applies to. A missing field matches all. */
export interface SessionPattern {
  readonly namespace?: string;
  readonly pod?: string;
  readonly container?: string;
}

/** Faults of real clusters, on demand. A fault that returns a `Disposable` lasts until it is disposed, or until `clear()`. */
export interface Faults {
  /** Ends open watches like a lost connection (default), or with a clean end of the response. Returns their number. */
  cutWatches(options?: { readonly resource?: string; readonly clean?: boolean }): number;
  /**
   * Expires all resourceVersions so far: open watches get an in-band `ERROR` with
   * code 410 and end, so do new ones that start there, and continued lists fail with HTTP 410.
   * With `http`, watches fail with HTTP 410 instead, as older API servers and proxies do.
   */
  expireResourceVersions(options?: { readonly http?: boolean }): void;
  /** 403 for these requests; `SelfSubjectAccessReview` reports the same. */
  deny(pattern: RequestPattern): Disposable;
  /** Removes the denials of exactly this pattern; without a pattern, all of them. */
  allow(pattern?: RequestPattern): void;
  /**
   * These requests fail with an error of the server. `code`: 500 (default), 429, 503, 504...; `times`: how many requests fail,
   * default: all; `retryAfterSeconds` is sent as `Retry-After`.
   */
  respond(
    pattern: RequestPattern,
    options?: { readonly code?: number; readonly times?: number; readonly retryAfterSeconds?: number },
  ): Disposable;
  /** These requests get no response until the fault ends. */
  hang(pattern: RequestPattern): Disposable;
  /** Delays exec sessions before they are accepted. Milliseconds. */
  delayExec(milliseconds: number, pattern?: SessionPattern): Disposable;
  /**
   * Cuts the connection of exec sessions after exactly `afterBytes` bytes of payload in this direction.
   * `times`: how many sessions are cut, default: one.
   */
  cutExec(
    cut: { readonly direction: ExecDirection; readonly afterBytes: number; readonly times?: number },
    pattern?: SessionPattern,
  ): Disposable;
  /** Limits the rate of exec sessions, in each direction or in one, by back-pressure. */
  slowExec(
    rate: { readonly bytesPerSecond: number; readonly direction?: ExecDirection },
    pattern?: SessionPattern,
  ): Disposable;
  /** No byte passes in either direction, but pings get pongs: a node that hangs. */
  stallExec(pattern?: SessionPattern): Disposable;
  /** Ends open exec sessions: `drop` cuts the connection; `success` sends a Success status though the process runs on, as a killed kubelet does. */
  endExec(how: "drop" | "success", pattern?: SessionPattern): number;
  /**
   * Stops the API server: its port refuses connections; watches and idle connections end. Exec sessions continue,
   * as while a real API server shuts down, unless `sessions` is `cut`.
   */
  pause(options?: { readonly sessions?: "keep" | "cut" }): Promise<void>;
  /** Listens again, on the same port. */
  resume(): Promise<void>;
  /** Ends all lasting faults; a paused API stays paused. */
  clear(): void;
}
