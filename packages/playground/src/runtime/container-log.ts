// The output of a container's process, in memory, up to a limit.

import { PassThrough, type Readable } from "node:stream";

const KEPT_BYTES = 1024 * 1024;
const FOLLOWER_LIMIT_BYTES = 4 * 1024 * 1024;

/** Standard output and error of one run of a container, in order of arrival; above the limit, the oldest bytes are dropped. */
export class ContainerLog {
  #chunks: Buffer[] = [];
  #size = 0;
  #ended = false;
  readonly #followers = new Set<PassThrough>();

  /** Stores everything that the stream emits. */
  collect(stream: Readable): void {
    stream.on("data", (chunk: Buffer) => this.write(chunk));
    stream.on("error", () => undefined);
  }

  write(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    while (this.#size > KEPT_BYTES && this.#chunks.length > 1) this.#size -= this.#chunks.shift()?.length ?? 0;
    for (const follower of this.#followers) {
      if (follower.writableLength > FOLLOWER_LIMIT_BYTES)
        follower.destroy(new Error("The reader of this log is too slow"));
      else follower.write(chunk);
    }
  }

  /** The run is over: ends all followers. */
  end(): void {
    this.#ended = true;
    for (const follower of this.#followers) follower.end();
    this.#followers.clear();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }

  read(options: { readonly follow: boolean; readonly tailLines?: number }): Readable {
    const stream = new PassThrough();
    const all = Buffer.concat(this.#chunks);
    const start = options.tailLines === undefined ? 0 : tailStart(all, options.tailLines);
    if (all.length > start) stream.write(all.subarray(start));
    if (options.follow && !this.#ended) {
      this.#followers.add(stream);
      stream.once("close", () => this.#followers.delete(stream));
    } else {
      stream.end();
    }
    return stream;
  }
}

function tailStart(text: Buffer, lines: number): number {
  if (lines <= 0) return text.length;
  let at = text.length;
  if (text[at - 1] === 10) at -= 1;
  for (let left = lines; left > 0; left -= 1) {
    at = text.lastIndexOf(10, at - 1);
    if (at <= 0) return at === 0 && left === 1 ? 1 : 0;
  }
  return at + 1;
}
