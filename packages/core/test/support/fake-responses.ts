import type { ClusterResponse, ResourceType } from "../../src/contract/index.ts";
import { resourceName } from "../../src/kube/resource-path.ts";

export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

export function notFound(resource: ResourceType, name: string): ClusterResponse {
  return json(404, {
    kind: "Status",
    code: 404,
    reason: "NotFound",
    message: `${resourceName(resource)} "${name}" not found`,
    details: { name, kind: resource.plural, group: resource.group },
  });
}

export function json(status: number, body: unknown): ClusterResponse {
  // A round trip through text, so that the caller shares no object with the cluster.
  const bytes = JSON.stringify(body);
  return response(status, { json: () => Promise.resolve(JSON.parse(bytes) as unknown) });
}

export function text(status: number, body: string): ClusterResponse {
  return response(status, { json: () => Promise.reject(new Error(`no JSON: ${body}`)) });
}

export function stream(status: number, fill: (out: Stream) => void): ClusterResponse {
  const out = new Stream();
  fill(out);
  return response(status, { body: () => out.read() });
}

export function response(status: number, parts: Partial<Pick<ClusterResponse, "json" | "body">>): ClusterResponse {
  return {
    status,
    headers: {},
    json: parts.json ?? (() => Promise.reject(new Error("no JSON"))),
    body:
      parts.body ??
      (() => {
        throw new Error("no body");
      }),
  };
}

/** The body of a response that is written piece by piece. */
export class Stream {
  readonly #chunks: Uint8Array[] = [];
  #end: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#wake?.();
  }

  end(): void {
    this.#end ??= {};
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        yield chunk;
        continue;
      }
      if (this.#end !== undefined) {
        if ("error" in this.#end) throw this.#end.error;
        return;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
