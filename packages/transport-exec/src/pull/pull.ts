import {
  KinsyncError,
  type ClusterConnection,
  type PulledFile,
  type PullEntry,
  type PullOptions,
  type PullRequest,
  type Target,
} from "@kinsync/core/contract";
import type { Hello } from "../agent/attempt.ts";
import { createToken } from "../agent/token.ts";
import { unescapePath } from "../protocol/escape.ts";
import { checkIncarnation } from "../run/run.ts";
import { ExecStream } from "../stream/exec-stream.ts";
import { lostError, nameOf, timeoutError } from "../stream/target-error.ts";
import { ByteReader } from "./byte-reader.ts";
import { pullProgram } from "./pull-program.ts";
import { RequestQueue } from "./request-queue.ts";

/** Output before the first line of the program, and names and links, at most. */
const MAX_LINE_BYTES = 64 * 1024;
/** What a list may hold. Each entry takes some hundred bytes of this process. */
const MAX_ENTRIES = 500_000;
const MAX_LIST_BYTES = 64 * 1024 * 1024;
/** A digest is computed at least so fast. */
const SLOWEST_BYTES_PER_MS = 10_000;

export interface PullTimes {
  readonly openTimeout: number;
  readonly pingInterval: number;
  /** Milliseconds without a byte, besides the time to compute digests. */
  readonly silenceMs: number;
}

/**
 * Lists a path and sends files of it over an exec stream of its own, so that it does not delay batches. The stream reaches the container
 * by its name; nothing is read before the incarnation proved that it is the session's container.
 */
export async function pullFromContainer(
  cluster: ClusterConnection,
  target: Target,
  hello: Hello,
  path: string,
  options: PullOptions & PullTimes,
): Promise<void> {
  const { openTimeout, pingInterval, choose, take } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  signal.throwIfAborted();
  const token = createToken();
  const program = pullProgram(hello, token);
  const reader = new ByteReader({ signal, late: (ms) => timeoutError(target, "the container sent nothing", ms) });
  const stream = await ExecStream.open(cluster, target, program.argv, {
    signal,
    handshakeTimeout: openTimeout,
    pingInterval,
    onStdout: (data) => reader.push(data),
    onStderr: () => {},
  });
  reader.attach(stream);
  void stream.ended.then(() => reader.fail(lostError(target, "it ended before all files were sent")));
  try {
    stream.write(program.first);
    checkIncarnation(await readIncarnation(reader, token, target, openTimeout), hello, target);
    stream.write(program.path(path));
    const source = new PullSource(reader, target, path, options.silenceMs);
    const entries = await source.list();
    const queue = new RequestQueue();
    const sending = (async () => {
      for await (const request of choose(entries)) {
        stream.write(program.request(request));
        await queue.add(request, signal);
      }
      queue.end();
    })();
    sending.catch((error: unknown) => stop.abort(error));
    for (let request = await queue.next(signal); request !== undefined; request = await queue.next(signal)) {
      // oxlint-disable-next-line no-await-in-loop -- the answers come one after the other
      await source.answer(request, take);
      queue.answered();
    }
    await sending;
  } finally {
    stop.abort(new DOMException("the pull is over", "AbortError"));
    stream.drop();
    await stream.ended;
  }
}

async function readIncarnation(reader: ByteReader, token: string, target: Target, limitMs: number): Promise<string> {
  const long = (): Error => lostError(target, `it wrote ${MAX_LINE_BYTES} bytes before the list`);
  for (let noise = 0; noise <= MAX_LINE_BYTES;) {
    // oxlint-disable-next-line no-await-in-loop -- one line after the other
    const line = (await reader.until(10, MAX_LINE_BYTES, limitMs, long)).toString("utf8");
    // What is not behind the token is noise: output of a shell at its start, of a preload, of a shim.
    const at = line.indexOf(`${token}= `);
    if (at !== -1) return unescapePath(line.slice(at + token.length + 2));
    noise += line.length + 1;
  }
  throw long();
}

/** What the program in the container writes, once it runs. */
class PullSource {
  readonly #reader: ByteReader;
  readonly #target: Target;
  readonly #path: string;
  readonly #silenceMs: number;

  constructor(reader: ByteReader, target: Target, path: string, silenceMs: number) {
    this.#reader = reader;
    this.#target = target;
    this.#path = path;
    this.#silenceMs = silenceMs;
  }

  async list(): Promise<readonly PullEntry[]> {
    const entries: PullEntry[] = [];
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const decode = (bytes: Buffer): string | undefined => {
      try {
        return decoder.decode(bytes);
      } catch {
        return undefined;
      }
    };
    let size = 0;
    const next = async (): Promise<Buffer> => {
      const bytes = await this.#reader.until(0, MAX_LINE_BYTES, this.#silenceMs, () => this.#broken());
      size += bytes.length + 1;
      if (entries.length >= MAX_ENTRIES || size > MAX_LIST_BYTES) throw this.#tooMany();
      return bytes;
    };
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one entry after the other
      const bytes = await next();
      const letter = bytes.toString("latin1", 0, 1);
      if (letter === ".") return entries;
      if (letter === "!") throw this.#refused(bytes.toString("utf8", 1));
      const isFile = TYPES[letter] === "file";
      const digits = isFile ? leadingDigits(bytes) : 0;
      const stated = Number(bytes.toString("latin1", 1, 1 + digits));
      const name = bytes.subarray(bytes[1 + digits] === SLASH ? 2 + digits : 1 + digits);
      const path = decode(name);
      // oxlint-disable-next-line no-await-in-loop -- the target of a link follows it
      const target = letter === "l" ? decode(await next()) : undefined;
      const type = TYPES[letter];
      if (type === undefined) throw this.#broken();
      if (path === undefined || (letter === "l" && target === undefined))
        entries.push({ path: name.toString("utf8"), type: "other" });
      else if (type === "link") entries.push({ path, type, target: target ?? "" });
      else if (type !== "file") entries.push({ path, type });
      else {
        const known = digits > 0 && Number.isSafeInteger(stated) ? { size: stated } : {};
        entries.push({ path, type, executable: letter === "x", ...known });
      }
    }
  }

  /** Reads the answer to a request, up to its last byte. */
  async answer(request: PullRequest, take: PullOptions["take"]): Promise<void> {
    const line = await this.#line(request.have?.size ?? 0);
    if (line === "!") {
      await take({ request, size: undefined, offset: 0, chunks: noBytes(), digest: () => undefined });
      return;
    }
    const [offset = -1, size = -1] = /^\d{1,16} \d{1,16}$/.test(line) ? line.split(" ").map(Number) : [];
    const isOffset = offset === 0 || (offset === request.have?.size && offset <= size);
    if (!isOffset || size < 0 || size > Number.MAX_SAFE_INTEGER) throw this.#broken();
    let missing = request.compareOnly === true ? 0 : size - offset;
    let digest: string | undefined;
    const chunks = this.#chunks(
      () => missing,
      (count) => (missing -= count),
    );
    const readDigest = async (): Promise<void> => {
      const text = await this.#line(size);
      if (/^[\da-f]{64}$/.test(text)) digest = text;
      else if (text !== "-") throw this.#broken();
    };
    let isRead = false;
    const whole = async function* (): AsyncGenerator<Uint8Array> {
      yield* chunks;
      await readDigest();
      isRead = true;
    };
    const file: PulledFile = { request, size, offset, chunks: whole(), digest: () => digest };
    await take(file);
    if (isRead) return;
    // The caller did not read to the end; the next answer begins behind it.
    // oxlint-disable-next-line no-await-in-loop -- one piece after the other
    while (missing > 0) missing -= (await this.#reader.some(missing, this.#silenceMs)).length;
    await readDigest();
  }

  async *#chunks(missing: () => number, onRead: (count: number) => void): AsyncGenerator<Uint8Array> {
    while (missing() > 0) {
      // oxlint-disable-next-line no-await-in-loop -- one piece after the other
      const bytes = await this.#reader.some(missing(), this.#silenceMs);
      onRead(bytes.length);
      yield bytes;
    }
  }

  /** @param hashed bytes whose digest the container computes before it writes the line */
  async #line(hashed: number): Promise<string> {
    const limitMs = this.#silenceMs + hashed / SLOWEST_BYTES_PER_MS;
    return (await this.#reader.until(10, MAX_LINE_BYTES, limitMs, () => this.#broken())).toString("latin1");
  }

  #broken(): KinsyncError {
    return lostError(this.#target, "it sent something else than files");
  }

  #tooMany(): KinsyncError {
    const message = `${nameOf(this.#target)}: ${this.#path} holds more than ${MAX_ENTRIES} files and folders, or longer names than kinsync keeps`;
    return new KinsyncError("KINSYNC_PULL_PATH", message, { hint: "Pull its folders one by one." });
  }

  /** The general one where the command would need quotes. */
  #hint(): { readonly hint?: string } {
    const { namespace, pod, container } = this.#target;
    if (!/^[\w./@+-]+$/.test(this.#path)) return {};
    return { hint: `Check it with \`kubectl exec ${pod} -n ${namespace} -c ${container} -- ls -ld ${this.#path}\`.` };
  }

  #refused(reason: string): KinsyncError {
    const why = REASONS[reason];
    if (why !== undefined) {
      const message = `${nameOf(this.#target)}: ${this.#path} ${why}`;
      return new KinsyncError("KINSYNC_PULL_PATH", message, {
        details: { reason, path: this.#path },
        ...this.#hint(),
      });
    }
    if (reason !== "head" && reason !== "tail") return this.#broken();
    const message = `${nameOf(this.#target)}: files cannot be pulled without python3 or node, or ${reason} with the option -c`;
    return new KinsyncError("KINSYNC_TRANSPORT_CANNOT", message, { hint: "Use another image for development." });
  }
}

const SLASH = 47;

/** The number of digits behind the letter of an entry: its size. A path begins with a slash, or is empty. */
function leadingDigits(entry: Buffer): number {
  let at = 1;
  for (let byte = entry[at]; byte !== undefined && byte >= 48 && byte <= 57; byte = entry[at]) at += 1;
  return at - 1;
}

const TYPES: Readonly<Record<string, PullEntry["type"]>> = {
  d: "directory",
  f: "file",
  x: "file",
  l: "link",
  o: "other",
  e: "unreadable",
};

const REASONS: Readonly<Record<string, string>> = {
  missing: "does not exist",
  denied: "cannot be read: permission denied for the container's user",
  type: "is neither a folder nor a regular file",
};

async function* noBytes(): AsyncGenerator<Uint8Array> {
  // There are none.
}
