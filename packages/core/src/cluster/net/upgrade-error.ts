import { KinsyncError } from "../../errors/error.ts";
import { errorOfStatus } from "../../contract/status.ts";
import { recordOf } from "../auth/foreign-fields.ts";
import { failureOf, IdleTimeout, type Endpoint } from "./failure.ts";

/** The server would not open the WebSocket. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, or text, or `undefined`. */
  readonly body: unknown;
}

/** The API server's own words for a request that lost its `Upgrade` header on the way. */
const LOST_HEADER = /upgrade request required|upgrade header/i;

/**
 * Why a WebSocket was not opened. An API server refuses with a `Status`; every other answer comes from something on the way, and says
 * nothing about the rights of the user or about the pod.
 * @param what the purpose: `exec into pod ml/train-0`
 */
export function errorOfUpgrade({ status, headers, body }: Refusal, what: string, endpoint: Endpoint): KinsyncError {
  const said = recordOf(body);
  const isStatus = said["kind"] === "Status";
  const isLost = LOST_HEADER.test(isStatus ? String(said["message"]) : String(body));
  // A login that was refused, an overloaded server, and a login page have their own words.
  const isOther = status === 401 || status === 429 || (status >= 300 && status < 400);
  if ((isStatus && !isLost) || (isOther && !isLost)) return errorOfStatus(body, what, { status, headers });
  const why = isLost
    ? `the request for a WebSocket arrived without its Upgrade header (${status})`
    : `the answer to the request for a WebSocket is ${status}, and not the API server's own`;
  return noWebSocket(why, endpoint, { status });
}

/** What an attempt to open a WebSocket ended with, as an error for people. */
export function failureOfUpgrade(cause: unknown, endpoint: Endpoint, signal: AbortSignal): unknown {
  if (signal.aborted) return failureOf(cause, endpoint, signal);
  if (cause instanceof IdleTimeout)
    return noWebSocket(`no answer to the request for a WebSocket: ${cause.message}`, endpoint, {}, cause);
  // `ws` gives no code to answers that do not upgrade the connection: a wrong Sec-WebSocket-Accept, another protocol.
  const isHandshake =
    cause instanceof Error &&
    !("code" in cause) &&
    cause.cause === undefined &&
    /upgrade|sec-websocket|subprotocol/i.test(cause.message);
  return isHandshake ? noWebSocket(cause.message, endpoint, {}, cause) : failureOf(cause, endpoint, signal);
}

function noWebSocket(
  why: string,
  { who, proxy }: Endpoint,
  details: Readonly<Record<string, unknown>>,
  cause?: unknown,
): KinsyncError {
  const between =
    proxy === undefined ? "a proxy or a load balancer on the way to it" : `the proxy ${proxy} on the way to it`;
  return new KinsyncError(
    "KINSYNC_CLUSTER_WEBSOCKET",
    `${who} cannot be reached by WebSocket: ${why}; ${between} may not let WebSockets through`,
    {
      details,
      ...(cause === undefined ? {} : { cause }),
      ...(proxy === undefined
        ? {}
        : { hint: `Let WebSockets through on ${proxy}, or bypass it: NO_PROXY, or no proxy-url in the kubeconfig.` }),
    },
  );
}
