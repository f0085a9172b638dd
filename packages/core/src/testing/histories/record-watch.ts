import type { ClusterConnection } from "../../contract/cluster.ts";
import type { KubeObject, ResourceType } from "../../contract/resource.ts";
import { errorOfResponse, errorOfStatus } from "../../contract/status.ts";
import { deadline, pause, untilAborted } from "../../time/deadline.ts";
import { jsonLines } from "../../kube/json-lines.ts";
import { resourceName, resourcePath } from "../../kube/resource-path.ts";
import type { HistoryEvent } from "./history.ts";

/** Milliseconds for one list, without a byte on a watch, and before a broken watch is requested again. */
const LIST_MS = 10_000;
const IDLE_MS = 150_000;
const RETRY_MS = 200;

export type OnRawEvent = (type: HistoryEvent["type"], object: KubeObject, resource: ResourceType) => void;

/** A list response of the API server. */
interface Listed {
  readonly items: readonly KubeObject[];
  readonly version: string;
}

/**
 * Every event of one resource in one namespace: a list, and a watch from the list's version on. A watch that ends is restarted at its
 * last version, so no event is lost. If the server no longer has that version, `lost` is set.
 */
export class RecordedWatch implements AsyncDisposable {
  readonly resource: ResourceType;
  /** Why the record has a gap from here on; `undefined` while it has none. */
  lost: Error | undefined;
  readonly #cluster: ClusterConnection;
  readonly #namespace: string;
  readonly #onEvent: OnRawEvent;
  readonly #stop = new AbortController();
  readonly #versions = new Map<string, string | undefined>();
  #version = "";
  #running: Promise<void> = Promise.resolve();

  private constructor(cluster: ClusterConnection, namespace: string, resource: ResourceType, onEvent: OnRawEvent) {
    this.#cluster = cluster;
    this.#namespace = namespace;
    this.resource = resource;
    this.#onEvent = onEvent;
  }

  /** Resolves after the first list; with `undefined` if the cluster has no such resource. */
  static async start(
    cluster: ClusterConnection,
    namespace: string,
    resource: ResourceType,
    onEvent: OnRawEvent,
    signal: AbortSignal,
  ): Promise<RecordedWatch | undefined> {
    const watch = new RecordedWatch(cluster, namespace, resource, onEvent);
    const listed = await watch.#list(signal);
    if (listed === undefined) return undefined;
    watch.#version = listed.version;
    for (const object of listed.items) watch.#take("ADDED", object);
    watch.#running = watch.#run();
    return watch;
  }

  /** Whether the recorded objects are those of a list at this moment. */
  async isLevel(signal: AbortSignal): Promise<boolean> {
    const listed = await this.#list(signal);
    return (
      listed !== undefined &&
      listed.items.length === this.#versions.size &&
      listed.items.every(({ metadata }) => this.#versions.get(metadata.uid) === metadata.resourceVersion)
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the recording is over"));
    await this.#running;
  }

  async #list(outer: AbortSignal): Promise<Listed | undefined> {
    using limited = deadline(AbortSignal.any([outer, this.#stop.signal]), LIST_MS, this.#operation("list"));
    const { signal } = limited;
    const path = resourcePath(this.resource, this.#namespace);
    const response = await untilAborted(this.#cluster.request({ path, signal }), signal);
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw await untilAborted(errorOfResponse(response, this.#operation("list")), signal);
    const body = (await untilAborted(response.json(), signal)) as {
      readonly items?: readonly KubeObject[] | null;
      readonly metadata: { readonly resourceVersion: string };
    };
    return { items: body.items ?? [], version: body.metadata.resourceVersion };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted && this.lost === undefined) {
      try {
        await this.#watch();
      } catch (error) {
        const failure = error instanceof Error ? error : new Error(String(error));
        // The server repeats a permanent refusal; the list of the next truth reports it.
        if ((failure as { details?: { status?: unknown } }).details?.status === 410) this.lost = failure;
      }
      await pause(RETRY_MS, signal);
    }
  }

  async #watch(): Promise<void> {
    using limited = deadline(this.#stop.signal, IDLE_MS, this.#operation("watch"));
    const { signal } = limited;
    const response = await untilAborted(
      this.#cluster.request({
        path: resourcePath(this.resource, this.#namespace),
        query: { watch: true, allowWatchBookmarks: true, resourceVersion: this.#version },
        signal,
        idleTimeout: IDLE_MS,
      }),
      signal,
    );
    if (response.status !== 200) throw await untilAborted(errorOfResponse(response, this.#operation("watch")), signal);
    for await (const line of jsonLines(response.body(), () => limited.touch())) {
      const { type, object } = line as {
        readonly type: HistoryEvent["type"] | "BOOKMARK" | "ERROR";
        object: KubeObject;
      };
      if (type === "ERROR") throw errorOfStatus(object, this.#operation("watch"));
      if (type !== "BOOKMARK") this.#take(type, object);
      this.#version = object.metadata.resourceVersion ?? this.#version;
    }
  }

  #take(type: HistoryEvent["type"], object: KubeObject): void {
    const { uid, resourceVersion } = object.metadata;
    if (type === "DELETED") this.#versions.delete(uid);
    else this.#versions.set(uid, resourceVersion);
    this.#onEvent(type, object, this.resource);
  }

  #operation(verb: string): string {
    return `${verb} ${resourceName(this.resource)} in namespace ${this.#namespace}`;
  }
}
