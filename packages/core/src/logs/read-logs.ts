import type { ClusterConnection } from "../contract/cluster.ts";
import type { KinsyncError } from "../errors/error.ts";
import type { Member } from "../resolve/resolution.ts";
import { Backoff } from "../time/backoff.ts";
import { pause } from "../time/deadline.ts";
import { ContainerLog } from "./container-log.ts";
import type { LogEntry, LogExtent, LogLine, LogNote } from "./entries.ts";
import { mergeByTime } from "./merge.ts";
import { containerToRead, membersToRead, sourceOf, type LogSelection } from "./sources.ts";

/** What the logs of a workload are read from. */
export interface ReadLogsOptions extends LogExtent, LogSelection {
  readonly cluster: ClusterConnection;
  /** Of a resolution. */
  readonly members: readonly Member[];
  /** Of each container, the log of the run before the current one. Default: `false`. */
  readonly previous?: boolean | undefined;
  readonly signal: AbortSignal;
}

/** Attempts to read one log whose stream breaks. */
const ATTEMPTS = 5;

/**
 * The lines that the current and kept members of a workload have written, by their time; of a workload that has ended, those of its
 * finished members. A log that cannot be read is a note. Memory: one line of each container. Throws `KINSYNC_CLUSTER_FORBIDDEN` without
 * the permission for `pods/log`, and the signal's reason.
 */
export async function* readLogs(options: ReadLogsOptions): AsyncGenerator<LogEntry, void, undefined> {
  const { cluster, members, signal, previous = false } = options;
  const notes: LogNote[] = [];
  const labels = new Set<string>();
  const logs = membersToRead(members, options).flatMap((member) => {
    const container = containerToRead(member, options);
    const name = "missing" in container ? (options.container ?? "") : container.name;
    const source = sourceOf(member, name, labels);
    labels.add(source.label);
    if (!("missing" in container)) return [new ContainerLog(cluster, source, options)];
    notes.push({ type: "note", source, code: "unavailable", reason: container.missing });
    return [];
  });
  yield* notes.splice(0);
  const onError = (log: ContainerLog, { message }: KinsyncError): void => {
    notes.push({ type: "note", source: log.source, code: "unavailable", reason: message });
  };
  for await (const line of mergeByTime(logs.map((log) => readOnce(log, { previous, signal, onError })))) {
    yield* notes.splice(0);
    yield line;
  }
  yield* notes;
}

/** How one log is read to its present end. */
export interface ReadOnceOptions {
  readonly previous: boolean;
  readonly signal: AbortSignal;
  /** It cannot be read, or not to its end. */
  readonly onError: (log: ContainerLog, error: KinsyncError) => void;
}

/** Reads a log to its present end; a stream that breaks is continued. Throws `KINSYNC_CLUSTER_FORBIDDEN` and the signal's reason. */
export async function* readOnce(
  log: ContainerLog,
  { previous, signal, onError }: ReadOnceOptions,
): AsyncGenerator<LogLine, void, undefined> {
  const backoff = new Backoff({ min: 500, max: 4_000 });
  for (let attempt = 1; ; attempt += 1) {
    const end = yield* log.read({ follow: false, previous }, signal);
    if (!("error" in end)) return;
    if (isFatal(end.error)) throw end.error;
    if (end.how !== "broken" || attempt === ATTEMPTS) {
      onError(log, end.error);
      return;
    }
    await pause(backoff.next(), signal);
    signal.throwIfAborted();
  }
}

/** An error that all logs of the workload share, and that does not go by itself. */
export function isFatal({ code }: KinsyncError): boolean {
  return code === "KINSYNC_CLUSTER_FORBIDDEN";
}
