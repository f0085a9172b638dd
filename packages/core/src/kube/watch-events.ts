import type { ClusterConnection, ClusterResponse } from "../contract/cluster.ts";
import type { KubeObject } from "../contract/resource.ts";
import { errorOfResponse, errorOfStatus } from "../contract/status.ts";
import { KinsyncError } from "../errors/error.ts";
import { deadline, untilAborted } from "../time/deadline.ts";
import { jsonLines } from "./json-lines.ts";
import { METADATA_OBJECT } from "./media-types.ts";
import { operationText, selectorsOf, type ReflectorSpec, type ReflectorTiming } from "./reflector-spec.ts";
import { resourcePath } from "./resource-path.ts";

/** What one watch reports. After `expired` and `failed` the list has to be requested again, and nothing follows. */
export type WatchEvent =
  | { readonly type: "opened" }
  | { readonly type: "put" | "removed"; readonly object: unknown; readonly resourceVersion: string | undefined }
  | { readonly type: "bookmark"; readonly resourceVersion: string | undefined }
  /** The server no longer has the version (410). */
  | { readonly type: "expired" }
  /** The server reported another error in the stream. */
  | { readonly type: "failed"; readonly error: KinsyncError };

/** The stream ended although it had begun well. The next request shows whether anything is wrong, so this is not reported. */
export class DroppedWatch extends KinsyncError {
  constructor(spec: ReflectorSpec, reason: unknown) {
    const message = `Cannot ${operationText(spec, "watch")}: ${reason instanceof Error ? reason.message : String(reason)}`;
    super("KINSYNC_CLUSTER_UNREACHABLE", message, { cause: reason });
  }
}

/** The user may not watch the resource. Whether it may be listed, the next request shows. */
export class RefusedWatch extends KinsyncError {
  constructor(cause: KinsyncError) {
    const { code, message, hint, details } = cause;
    super(code, `${message}; it is listed every few seconds instead`, { hint, details, cause });
  }
}

/**
 * Watches from that version on until the server ends the watch. Throws `DroppedWatch` where the stream breaks or falls silent,
 * `RefusedWatch` for 403, other errors where there is no watch or it makes no sense.
 */
export async function* watchEvents(
  cluster: ClusterConnection,
  spec: ReflectorSpec,
  timing: ReflectorTiming,
  resourceVersion: string | undefined,
  stop: AbortSignal,
): AsyncGenerator<WatchEvent, void, undefined> {
  const operation = operationText(spec, "watch");
  using limited = deadline(stop, timing.idle, operation);
  const { signal } = limited;
  const timeoutSeconds = Math.ceil((timing.watch * (1 + timing.random() / 2)) / 1000);
  const response = await untilAborted(
    cluster.request({
      path: resourcePath(spec.resource, spec.namespace),
      query: { ...selectorsOf(spec), watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds },
      ...(spec.metadataOnly === true ? { accept: METADATA_OBJECT } : {}),
      signal,
      idleTimeout: timing.idle,
    }),
    signal,
  );
  if (response.status === 410) {
    yield { type: "expired" };
    return;
  }
  if (response.status !== 200) {
    const error = await untilAborted(errorOfResponse(response, operation), signal);
    throw response.status === 403 ? new RefusedWatch(error) : error;
  }
  yield { type: "opened" };
  for await (const line of jsonLines(bodyOf(response, spec), () => limited.touch())) {
    const event = readEvent(line, operation);
    yield event;
    if (event.type === "expired" || event.type === "failed") return;
  }
  if (limited.isOver) throw new DroppedWatch(spec, signal.reason);
}

async function* bodyOf(response: ClusterResponse, spec: ReflectorSpec): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* response.body();
  } catch (error) {
    throw new DroppedWatch(spec, error);
  }
}

function readEvent(line: unknown, operation: string): WatchEvent {
  const { type, object } = line as { readonly type?: unknown; readonly object?: unknown };
  switch (type) {
    case "ADDED":
    case "MODIFIED":
      return { type: "put", object, resourceVersion: versionOf(object) };
    case "DELETED":
      return { type: "removed", object, resourceVersion: versionOf(object) };
    case "BOOKMARK":
      return { type: "bookmark", resourceVersion: versionOf(object) };
    case "ERROR": {
      const error = errorOfStatus(object, operation);
      return error.details["status"] === 410 ? { type: "expired" } : { type: "failed", error };
    }
    default:
      throw new KinsyncError("KINSYNC_CLUSTER_ANSWER", `Cannot ${operation}: unknown event ${String(type)}`);
  }
}

function versionOf(object: unknown): string | undefined {
  const version = (object as Partial<KubeObject> | undefined)?.metadata?.resourceVersion;
  return version === "" ? undefined : version;
}
