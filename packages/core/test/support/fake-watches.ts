import type { ClusterRequest, ClusterResponse, KubeObject, ResourceType } from "../../src/contract/index.ts";
import { resourceName } from "../../src/kube/resource-path.ts";
import { response, stream, Stream } from "./fake-responses.ts";

/** A change of an object, as watches report it. */
export interface LoggedChange {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: KubeObject;
  /** As it was before, if it was modified. */
  readonly before: KubeObject | undefined;
}

interface Watching {
  readonly resource: string;
  readonly matches: (object: KubeObject) => boolean;
  readonly metadataOnly: boolean;
  readonly stream: Stream;
}

const encoder = new TextEncoder();

/** The watches of a fake cluster: their open streams, and the changes that a watch from an earlier version starts with. */
export class FakeWatches {
  /** Length of the chunks into which every line is split, in bytes. */
  chunk = 1 << 16;
  readonly #log = new Map<string, LoggedChange[]>();
  readonly #open = new Set<Watching>();
  /** Changes before this version are no longer available. */
  #oldest = 0;

  get size(): number {
    return this.#open.size;
  }

  sizeOf(resource: ResourceType): number {
    return [...this.#open].filter((watching) => watching.resource === resourceName(resource)).length;
  }

  /** Answers a watch. */
  open(resource: ResourceType, request: ClusterRequest, matches: (object: KubeObject) => boolean): ClusterResponse {
    const since = Number(request.query?.["resourceVersion"] ?? 0);
    if (since < this.#oldest) {
      const object = { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" };
      return stream(200, (out) => {
        out.push(lineOf({ type: "ERROR", object }));
        out.end();
      });
    }
    const out = new Stream();
    const metadataOnly = request.accept?.includes("PartialObjectMetadata;") ?? false;
    const watching: Watching = { resource: resourceName(resource), matches, metadataOnly, stream: out };
    for (const change of this.#log.get(watching.resource) ?? [])
      if (change.version > since) this.#pass(watching, change);
    this.#open.add(watching);
    const stop = (): void => {
      this.#open.delete(watching);
      out.fail(request.signal.reason);
    };
    request.signal.addEventListener("abort", stop, { once: true });
    return response(200, { body: () => out.read() });
  }

  /** Records a change and reports it to the watches of its resource. */
  emit(resource: string, change: LoggedChange): void {
    const log = this.#log.get(resource);
    if (log === undefined) this.#log.set(resource, [change]);
    else log.push(change);
    for (const watching of this.#open) if (watching.resource === resource) this.#pass(watching, change);
  }

  /** Sends an event as it is to every watch of the resource. */
  send(resource: ResourceType, event: unknown): void {
    for (const watching of this.#open) {
      if (watching.resource === resourceName(resource)) this.#write(watching, event);
    }
  }

  sendRaw(resource: ResourceType, text: string): void {
    for (const watching of this.#open) {
      if (watching.resource === resourceName(resource)) watching.stream.push(encoder.encode(text));
    }
  }

  /** Makes a change whose events no open watch receives. */
  miss(change: () => void): void {
    const open = [...this.#open];
    this.#open.clear();
    change();
    for (const watching of open) this.#open.add(watching);
  }

  /** Breaks all open streams, as when the network fails. */
  drop(): void {
    for (const watching of this.#open) watching.stream.fail(new Error("connection reset"));
    this.#open.clear();
  }

  /** Ends all open streams, as after `timeoutSeconds`. */
  end(): void {
    for (const watching of this.#open) watching.stream.end();
    this.#open.clear();
  }

  /** Drops all changes up to a version: a watch from an earlier one gets 410. */
  compact(version: number): void {
    this.#oldest = version;
    for (const log of this.#log.values()) log.length = 0;
  }

  /** For a watch with a selector, an object that starts to match is added, and one that stops matching is deleted. */
  #pass(watching: Watching, { type, object, before }: LoggedChange): void {
    const matched = before !== undefined && watching.matches(before);
    if (watching.matches(object)) {
      this.#write(watching, { type: type === "MODIFIED" && !matched ? "ADDED" : type, object });
    } else if (matched) {
      const { resourceVersion = "" } = object.metadata;
      this.#write(watching, {
        type: "DELETED",
        object: { ...before, metadata: { ...before.metadata, resourceVersion } },
      });
    }
  }

  #write(watching: Watching, event: unknown): void {
    const { type, object } = event as { type: string; object: KubeObject };
    const sent =
      watching.metadataOnly && type !== "ERROR"
        ? { type, object: { apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadata", metadata: object.metadata } }
        : event;
    const bytes = lineOf(sent);
    for (let at = 0; at < bytes.length; at += this.chunk) watching.stream.push(bytes.subarray(at, at + this.chunk));
  }
}

function lineOf(event: unknown): Uint8Array {
  return encoder.encode(`${JSON.stringify(event)}\n`);
}
