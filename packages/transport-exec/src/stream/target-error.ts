import { KinsyncError, type Target } from "@kinsync/core/contract";

/** A target in messages. */
export function nameOf(target: Pick<Target, "pod" | "container">): string {
  return `pod/${target.pod}, container ${target.container}`;
}

/** The connection ended while a request was open. */
export function lostError(target: Target, why: string, cause?: unknown): KinsyncError {
  const message = `${nameOf(target)}: the connection was lost: ${why}`;
  return new KinsyncError("KINSYNC_TARGET_LOST", message, cause === undefined ? {} : { cause });
}

/** @param what happened during all that time: `the agent sent nothing` */
export function timeoutError(target: Target, what: string, milliseconds: number): KinsyncError {
  const seconds = Math.round(milliseconds / 100) / 10;
  return new KinsyncError("KINSYNC_TARGET_TIMEOUT", `${nameOf(target)}: ${what} for ${seconds} s`);
}

/** The WebSocket was opened, and not even the API server's greeting came through it: something on the way answered in its place. */
export function silentError(target: Target, milliseconds: number): KinsyncError {
  const seconds = Math.round(milliseconds / 100) / 10;
  return new KinsyncError(
    "KINSYNC_CLUSTER_WEBSOCKET",
    `${nameOf(target)}: the WebSocket was opened, and nothing came through it for ${seconds} s; a proxy or a load balancer on the way to the API server may not let WebSockets through`,
  );
}

export function goneError(target: Target, why: string): KinsyncError {
  return new KinsyncError("KINSYNC_TARGET_GONE", `${nameOf(target)}: ${why}`);
}
