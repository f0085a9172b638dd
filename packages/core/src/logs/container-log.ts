import type { ClusterConnection, ClusterResponse } from "../contract/cluster.ts";
import { errorOfResponse } from "../contract/status.ts";
import { isKinsyncError, type KinsyncError } from "../errors/error.ts";
import { LogCursor } from "./cursor.ts";
import { LINE_BYTES, type LogExtent, type LogLine, type LogSource } from "./entries.ts";
import { LineSplitter } from "./line-splitter.ts";
import { readStamp } from "./stamp.ts";

/** Time without a byte after which a followed log is opened anew: a connection may be dead without a sign of it. */
const IDLE_MS = 90_000;
/** The time in front of a line, and the blank behind it. */
const STAMP_BYTES = 40;

/** What is read of a container's log. */
export interface LogReading {
  /** The connection stays open, and new lines follow. */
  readonly follow: boolean;
  /** The log of the run before the current one. */
  readonly previous?: boolean;
}

/**
 * How a stream ended. `ended`: as the server meant it. `quiet`: no byte came for long, as from a dead connection. `broken`: on the way.
 * `waiting`: the container has not started. `missing`: there is no such pod, or no log of a previous run. `refused`: a repetition fails again.
 */
export type LogEnd =
  | { readonly how: "ended" | "quiet" }
  | { readonly how: "broken" | "waiting" | "missing" | "refused"; readonly error: KinsyncError };

/** The log of one container, across its restarts: each reading goes on where the one before ended. Sends GET only. */
export class ContainerLog {
  readonly source: LogSource;
  readonly #cluster: ClusterConnection;
  readonly #extent: LogExtent;
  readonly #cursor = new LogCursor();

  constructor(cluster: ClusterConnection, source: LogSource, extent: LogExtent) {
    this.#cluster = cluster;
    this.source = source;
    this.#extent = extent;
  }

  /** Reads until the stream ends, and returns how. Throws the signal's reason. */
  async *read(reading: LogReading, signal: AbortSignal): AsyncGenerator<LogLine, LogEnd, undefined> {
    const what = `read the log of ${describeSource(this.source)}`;
    let response: ClusterResponse;
    try {
      response = await this.#request(reading, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!isKinsyncError(error)) throw error;
      return { how: error.retry === "retry" ? "broken" : "refused", error };
    }
    if (response.status !== 200) {
      const error = await errorOfResponse(response, what, { notFound: "KINSYNC_TARGET_GONE" });
      signal.throwIfAborted();
      return { how: kindOfRefusal(response.status, error), error };
    }
    this.#begin(response);
    const { lineBytes = LINE_BYTES } = this.#extent;
    const splitter = new LineSplitter(lineBytes + STAMP_BYTES);
    let since = performance.now();
    try {
      for await (const chunk of response.body()) {
        since = performance.now();
        for (const line of splitter.push(chunk)) {
          const read = this.#take(line);
          if (read !== undefined) yield read;
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!isKinsyncError(error)) throw error;
      // A line that had begun is read again as a whole.
      if (reading.follow && performance.now() - since >= IDLE_MS - 1) return { how: "quiet" };
      return { how: "broken", error };
    }
    const rest = splitter.rest();
    const last = rest === undefined ? undefined : this.#take(rest);
    if (last !== undefined) yield last;
    return { how: "ended" };
  }

  #request({ follow, previous = false }: LogReading, signal: AbortSignal): Promise<ClusterResponse> {
    const { namespace, pod, container } = this.source;
    const { tail, sinceMs } = this.#extent;
    const { isBegun } = this.#cursor;
    const sinceTime = this.#cursor.open();
    return this.#cluster.request({
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/log`,
      query: {
        container,
        timestamps: true,
        ...(follow ? { follow } : {}),
        ...(previous ? { previous } : {}),
        ...(sinceTime === undefined ? {} : { sinceTime }),
        ...(isBegun || tail === undefined ? {} : { tailLines: tail }),
        ...(isBegun || sinceMs === undefined ? {} : { sinceSeconds: Math.max(1, Math.ceil(sinceMs / 1000)) }),
      },
      accept: "*/*",
      signal,
      ...(follow ? { idleTimeout: IDLE_MS } : {}),
    });
  }

  /** Where reading goes on if this stream breaks before its first line: by the clock of the API server. */
  #begin({ headers }: ClusterResponse): void {
    const { tail, sinceMs } = this.#extent;
    if (tail === undefined && sinceMs === undefined) return;
    this.#cursor.beginAt(Date.parse(headers["date"] ?? "") - (sinceMs ?? 0));
  }

  #take({ text, cutBytes }: { readonly text: string; readonly cutBytes: number }): LogLine | undefined {
    const blank = text.indexOf(" ");
    const time = blank === -1 ? text : text.slice(0, blank);
    const stamp = readStamp(time);
    // The rest of a line that began before `sinceTime`, so that it was read.
    if (stamp === undefined) return undefined;
    if (!this.#cursor.take(stamp)) return undefined;
    return { type: "line", source: this.source, time, text: blank === -1 ? "" : text.slice(blank + 1), cutBytes };
  }
}

function kindOfRefusal(status: number, error: KinsyncError): "broken" | "waiting" | "missing" | "refused" {
  if (status === 404) return "missing";
  if (status === 400) return /previous terminated container/.test(error.message) ? "missing" : "waiting";
  return error.retry === "retry" && status !== 403 ? "broken" : "refused";
}

/** `container main of pod ml/train-0`. */
export function describeSource({ namespace, pod, container }: LogSource): string {
  return `container ${container} of pod ${namespace}/${pod}`;
}
