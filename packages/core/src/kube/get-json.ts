import type { ClusterConnection, ClusterRequest, ClusterResponse } from "../contract/cluster.ts";
import { errorOfStatus, type StatusOptions } from "../contract/status.ts";
import { KinsyncError } from "../errors/error.ts";
import { deadline, untilAborted } from "../time/deadline.ts";

const ANSWER_MS = 30_000;

/** An answer with its body. */
export interface JsonAnswer {
  readonly status: number;
  /** `undefined` for an error answer without JSON. */
  readonly body: unknown;
  /** The error answer as an error. */
  error(options?: Pick<StatusOptions, "notFound">): KinsyncError;
}

/**
 * One read with a time limit. Resolves for every HTTP status; rejects where there was no answer, after the time limit with
 * `KINSYNC_CLUSTER_UNREACHABLE`.
 * @param what the operation, for messages: `list namespaces`
 */
export async function getJson(
  cluster: ClusterConnection,
  request: Omit<ClusterRequest, "signal">,
  what: string,
  signal: AbortSignal,
): Promise<JsonAnswer> {
  using limited = deadline(signal, ANSWER_MS, what);
  let response: ClusterResponse | undefined;
  let body: unknown;
  try {
    response = await untilAborted(cluster.request({ ...request, signal: limited.signal }), limited.signal);
    body = await untilAborted(response.json(), limited.signal);
  } catch (error) {
    if (limited.isOver) throw new KinsyncError("KINSYNC_CLUSTER_UNREACHABLE", `Cannot ${what}: no answer in time`);
    // A refusal may have a body that is not JSON: its HTTP status has to do.
    if (response === undefined || response.status === 200 || limited.signal.aborted) throw error;
  }
  const { status, headers } = response;
  return {
    status,
    body,
    error: (options = {}) => errorOfStatus(body, what, { ...options, status, headers }),
  };
}
