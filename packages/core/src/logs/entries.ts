/** One container whose log is read. */
export interface LogSource {
  readonly namespace: string;
  readonly pod: string;
  /** Of the pod. */
  readonly uid: string;
  readonly container: string;
  readonly role?: string;
  readonly index?: string;
  /** For people: `worker 3`, or the pod's name where it has no role and index or another source has the same. */
  readonly label: string;
}

/** One line that a container wrote. */
export interface LogLine {
  readonly type: "line";
  readonly source: LogSource;
  /** When the container runtime received it, in RFC 3339 as the API server gives it; empty where it gave none. */
  readonly time: string;
  /** Without the line feed. Not cleaned: it may contain control characters. */
  readonly text: string;
  /** Bytes of the line that were left out, since it is longer than the limit. */
  readonly cutBytes: number;
}

/** Whole lines that are missing here, since the reader was too slow for them. */
export interface LogDropped {
  readonly type: "dropped";
  readonly source: LogSource;
  readonly count: number;
}

/** What happens to a source, in the place of the stream where it happened. */
export interface LogNote {
  readonly type: "note";
  readonly source: LogSource;
  /**
   * `joined`: a member that came while the logs were followed. `restarted`: the lines of a new run of the container follow.
   * `interrupted`: the log cannot be read now, and is tried again. `unavailable`: the log could not be read.
   */
  readonly code: "joined" | "restarted" | "interrupted" | "unavailable";
  /** In one sentence, without a full stop. */
  readonly reason: string;
}

/** One entry of the merged logs. */
export type LogEntry = LogLine | LogDropped | LogNote;

/** Which part of the logs that exist already is read. */
export interface LogExtent {
  /** Only the last lines of each container. Default: all. */
  readonly tail?: number | undefined;
  /** Only lines of the last milliseconds. Default: all. */
  readonly sinceMs?: number | undefined;
  /** Longest line, in bytes; the rest of a longer one is left out. Default: 64 KiB. */
  readonly lineBytes?: number | undefined;
}

/** Longest line by default. */
export const LINE_BYTES = 64 * 1024;
