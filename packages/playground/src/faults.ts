/** Which requests a fault meets. What is left out meets every one. */
export interface RequestPattern {
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; an exec is `get` on `pods`, subresource `exec`. */
  readonly verb?: string;
  /** `pods`, `jobs.batch`... */
  readonly resource?: string;
  /** `exec`, `log`, `status`, `scale`; empty for the resource alone. Where missing, the pattern meets the resource and all of its subresources. */
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** Which way the bytes of an exec session go. */
export type ExecDirection = "stdin" | "stdout" | "stderr";

/** Which exec sessions a fault meets. What is left out meets every one. */
export interface SessionPattern {
  readonly namespace?: string;
  readonly pod?: string;
  readonly container?: string;
}

/** Things that go wrong in real clusters, on demand. What gives a `Disposable` lasts until that is disposed, or `clear()`. */
export interface Faults {
  /** Ends open watches as a lost connection would (default), or as a clean end of the response. Gives how many there were. */
  cutWatches(options?: { readonly resource?: string; readonly clean?: boolean }): number;
  /**
   * Every resourceVersion that was handed out so far is too old from now on: open watches get an in-band `ERROR` with
   * code 410 and end, new ones that start there too, and continued lists are answered by HTTP 410.
   * With `http`, watches are refused by HTTP 410 instead (older API servers and proxies do that).
   */
  expireResourceVersions(options?: { readonly http?: boolean }): void;
  /** 403 for these requests; `SelfSubjectAccessReview` tells the same. */
  deny(pattern: RequestPattern): Disposable;
  /** Takes back the denials of exactly this pattern; all of them where it is missing. */
  allow(pattern?: RequestPattern): void;
  /**
   * Answers these requests with an error of the server. `code`: 500 (default), 429, 503, 504...; `times`: how many requests are met,
   * default: all; `retryAfterSeconds` is sent as `Retry-After`.
   */
  respond(
    pattern: RequestPattern,
    options?: { readonly code?: number; readonly times?: number; readonly retryAfterSeconds?: number },
  ): Disposable;
  /** These requests get no answer at all. They are answered when the fault is taken back. */
  hang(pattern: RequestPattern): Disposable;
  /** Lets exec sessions wait before they are accepted. Milliseconds. */
  delayExec(milliseconds: number, pattern?: SessionPattern): Disposable;
  /**
   * Cuts the connection of exec sessions after exactly `afterBytes` bytes of payload went that way.
   * `times`: how many sessions are met, default: one.
   */
  cutExec(
    cut: { readonly direction: ExecDirection; readonly afterBytes: number; readonly times?: number },
    pattern?: SessionPattern,
  ): Disposable;
  /** Lets the bytes of exec sessions pass at this rate only, in each direction or in one; back-pressure does the rest. */
  slowExec(
    rate: { readonly bytesPerSecond: number; readonly direction?: ExecDirection },
    pattern?: SessionPattern,
  ): Disposable;
  /** No byte passes in either direction, while pings are answered: a node that hangs. */
  stallExec(pattern?: SessionPattern): Disposable;
  /** Ends open exec sessions: `drop` cuts the connection; `success` sends a Success status though the process runs on, as a killed kubelet does. */
  endExec(how: "drop" | "success", pattern?: SessionPattern): number;
  /**
   * The API server goes away: its port refuses connections; watches and idle connections are gone. Exec sessions live on,
   * as they do while a real API server ends, unless `sessions` is `cut`.
   */
  pause(options?: { readonly sessions?: "keep" | "cut" }): Promise<void>;
  /** Listens again, on the same port. */
  resume(): Promise<void>;
  /** Takes back every fault that lasts; a paused API stays paused. */
  clear(): void;
}
