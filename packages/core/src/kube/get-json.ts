import type { ClusterConnection, ClusterRequest } from "../contract/cluster.ts";
import { errorOfStatus, type StatusOptions } from "../contract/status.ts";
import type { KinsyncError } from "../errors/error.ts";
import { deadline, untilAborted } from "../time/deadline.ts";

/** Milliseconds for one answer. */
const LIMIT = 30_000;

/** An answer that has been read. */
export interface JsonAnswer {
  readonly status: number;
  /** `undefined` where a refusal had no JSON. */
  readonly body: unknown;
  /** The refusal as an error. */
  error(options?: Pick<StatusOptions, "notFound">): KinsyncError;
}

/**
 * One read with a time limit. Resolves for every HTTP status; rejects where there was no answer.
 * @param what the deed, for messages: `list namespaces`
 */
export async function getJson(
  cluster: ClusterConnection,
  request: Omit<ClusterRequest, "signal">,
  what: string,
  signal: AbortSignal,
): Promise<JsonAnswer> {
  using limited = deadline(signal, LIMIT, what);
  const response = await untilAborted(cluster.request({ ...request, signal: limited.signal }), limited.signal);
  let body: unknown;
  try {
    body = await untilAborted(response.json(), limited.signal);
  } catch (error) {
    if (response.status === 200 || limited.signal.aborted) throw error;
  }
  return {
    status: response.status,
    body,
    error: (options = {}) =>
      errorOfStatus(body, what, { ...options, status: response.status, headers: response.headers }),
  };
}
