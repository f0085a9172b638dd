// The output of a container's process, in memory, up to a limit.

import { PassThrough, type Readable } from "node:stream";

const KEPT_BYTES = 1024 * 1024;
const FOLLOWER_LIMIT_BYTES = 4 * 1024 * 1024;
/** containerd stores a longer line in pieces. */
const PIECE_BYTES = 16 * 1024;
const NEWLINE = 10;

/** Which lines of a log are read, and how; the parameters of `pods/log`. */
export interface LogReadOptions {
  /** Keeps the stream open until the run ends. */
  readonly follow: boolean;
  readonly tailLines?: number;
  /** Only lines that were written at this time or later. Milliseconds since 1970. */
  readonly since?: number;
  /** Each line starts with the time when it was written, in RFC 3339 with nanoseconds. */
  readonly timestamps?: boolean;
  readonly limitBytes?: number;
}

/** One line with its line feed, or a piece of a line that is too long. */
interface Line {
  readonly time: number;
  readonly stamp: string;
  readonly bytes: Buffer;
  /** It goes on where the line before ended. */
  readonly isContinued: boolean;
}

interface Follower {
  readonly stream: PassThrough;
  readonly options: LogReadOptions;
}

/** Standard output and error of one run of a container, in order of arrival; above the limit, the oldest lines are dropped. */
export class ContainerLog {
  #lines: Line[] = [];
  #size = 0;
  #ended = false;
  readonly #followers = new Set<Follower>();
  /** Begun lines of the streams. */
  readonly #rests = new Map<Readable, { bytes: Buffer; isContinued: boolean }>();

  /** Stores everything that the stream emits. Like a container runtime, it passes on whole lines. */
  collect(stream: Readable): void {
    const rest = { bytes: Buffer.alloc(0), isContinued: false };
    this.#rests.set(stream, rest);
    stream.on("data", (chunk: Buffer) => {
      rest.bytes = Buffer.concat([rest.bytes, chunk]);
      for (;;) {
        const end = rest.bytes.indexOf(NEWLINE);
        const isWhole = end !== -1 && end < PIECE_BYTES;
        if (!isWhole && rest.bytes.length < PIECE_BYTES) return;
        const size = isWhole ? end + 1 : PIECE_BYTES;
        this.#add(rest.bytes.subarray(0, size), rest.isContinued);
        rest.bytes = rest.bytes.subarray(size);
        rest.isContinued = !isWhole;
      }
    });
    stream.on("error", () => undefined);
  }

  #add(bytes: Buffer, isContinued: boolean): void {
    const time = performance.timeOrigin + performance.now();
    const line = { time, stamp: stampOf(time), bytes, isContinued };
    this.#lines.push(line);
    this.#size += bytes.length;
    while (this.#size > KEPT_BYTES && this.#lines.length > 1) this.#size -= this.#lines.shift()?.bytes.length ?? 0;
    for (const follower of this.#followers) {
      const { stream, options } = follower;
      if (stream.writableLength > FOLLOWER_LIMIT_BYTES) stream.destroy(new Error("The reader of this log is too slow"));
      else stream.write(format(line, options));
    }
  }

  /** The run is over: ends all followers. */
  end(): void {
    for (const { bytes, isContinued } of this.#rests.values()) {
      if (bytes.length > 0) this.#add(Buffer.concat([bytes, Buffer.from("\n")]), isContinued);
    }
    this.#rests.clear();
    this.#ended = true;
    for (const { stream } of this.#followers) stream.end();
    this.#followers.clear();
  }

  text(): string {
    return Buffer.concat(this.#lines.map(({ bytes }) => bytes)).toString("utf8");
  }

  read(options: LogReadOptions): Readable {
    const stream = new PassThrough();
    const { tailLines, since = 0, limitBytes } = options;
    // As the kubelet: the last lines first, and of these what is new enough.
    const chosen =
      tailLines === undefined
        ? this.#lines
        : this.#lines.slice(this.#lines.length - Math.min(tailLines, this.#lines.length));
    const all = Buffer.concat(chosen.filter(({ time }) => time >= since).map((line) => format(line, options)));
    if (all.length > 0) stream.write(limitBytes === undefined ? all : all.subarray(0, limitBytes));
    if (options.follow && !this.#ended) {
      const follower = { stream, options };
      this.#followers.add(follower);
      stream.once("close", () => this.#followers.delete(follower));
    } else {
      stream.end();
    }
    return stream;
  }
}

function format({ stamp, bytes, isContinued }: Line, { timestamps = false }: LogReadOptions): Buffer {
  return timestamps && !isContinued ? Buffer.concat([Buffer.from(`${stamp} `), bytes]) : bytes;
}

/** `2026-01-31T12:00:00.123456789Z`. */
function stampOf(time: number): string {
  const nanoseconds = String(Math.floor((time % 1000) * 1_000_000)).padStart(9, "0");
  return `${new Date(time).toISOString().slice(0, 19)}.${nanoseconds}Z`;
}
