import { pipeline, type Readable } from "node:stream";
import type { ClusterResponse } from "../../contract/cluster.ts";
import { KinsyncError } from "../../errors/error.ts";
import type { Exchange } from "./exchange.ts";
import { failureOf, type Endpoint } from "./failure.ts";

/** An answer of the API server. A caller reads the body once, by `json` or by `body`; the idle time-out drops an unread body. */
export class RestResponse implements ClusterResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly #exchange: Exchange;
  readonly #endpoint: Endpoint;
  readonly #signal: AbortSignal;

  constructor(exchange: Exchange, endpoint: Endpoint, signal: AbortSignal) {
    const { message } = exchange;
    this.status = message.statusCode ?? 0;
    this.headers = flatten(message.headers);
    this.#exchange = exchange;
    this.#endpoint = endpoint;
    this.#signal = signal;
  }

  async json(): Promise<unknown> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.body()) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString("utf8");
    try {
      return JSON.parse(text);
    } catch (cause) {
      const type = this.headers["content-type"]?.split(";")[0] ?? "no content type";
      throw new KinsyncError(
        "KINSYNC_CLUSTER_ANSWER",
        `${this.#endpoint.who} answered ${this.status} with something that is not JSON (${type})`,
        { cause, details: { status: this.status } },
      );
    }
  }

  async *body(): AsyncGenerator<Uint8Array, void, undefined> {
    const { message } = this.#exchange;
    const stream = message.headers["content-encoding"] === "gzip" ? await gunzip(message) : message;
    const chunks = stream[Symbol.asyncIterator]();
    try {
      for (;;) {
        this.#exchange.expect();
        const next: IteratorResult<unknown> = await chunks.next();
        this.#exchange.rest();
        if (next.done === true) return;
        yield next.value as Uint8Array;
      }
    } catch (error) {
      throw failureOf(error, this.#endpoint, this.#signal);
    } finally {
      // After the end this does nothing, and the connection is used again.
      this.#exchange.drop();
    }
  }

  /** Reads what is left of a small body, so that the connection can be used again. */
  async discard(): Promise<void> {
    let size = 0;
    for await (const chunk of this.body()) {
      size += chunk.length;
      if (size > 64 * 1024) return;
    }
  }
}

async function gunzip(message: Readable): Promise<Readable> {
  const { createGunzip } = await import("node:zlib");
  // The iteration throws the errors of both.
  return pipeline(message, createGunzip(), () => undefined);
}

/** Path with query; omits `undefined`, arrays repeat their key. */
export function pathWithQuery(
  path: string,
  query: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>,
): string {
  if (!/^\/(?!\/)[^?#\s]*$/.test(path)) throw new TypeError(`no API path: ${JSON.stringify(path)}`);
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const item of value as readonly string[]) parameters.append(key, item);
    else if (value !== undefined) parameters.append(key, String(value));
  }
  const text = parameters.toString();
  return text === "" ? path : `${path}?${text}`;
}

function flatten(headers: NodeJS.Dict<string | string[]>): Readonly<Record<string, string>> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return flat;
}
