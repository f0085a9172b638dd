import type { ClusterConnection, ClusterResponse } from "../contract/cluster.ts";
import type { KubeObject, ResourceType } from "../contract/resource.ts";
import { isKinsyncError, KinsyncError } from "../errors/error.ts";
import { errorOfResponse, errorOfStatus } from "../contract/status.ts";
import { Backoff, type BackoffRange } from "../time/backoff.ts";
import { DeadlineError, deadline, pause, untilAborted } from "../time/deadline.ts";
import { Interner } from "./interner.ts";
import { jsonLines } from "./json-lines.ts";
import { METADATA_LIST, METADATA_OBJECT } from "./media-types.ts";
import { isPods, resourceName, resourcePath } from "./resource-path.ts";
import { sharePod } from "./share.ts";
import { ObjectStore, type StoreChange } from "./store.ts";
import { trimObject, trimPod, trimToMetadata } from "./trim.ts";

/** What one list-and-watch is about. */
export interface ReflectorSpec {
  readonly resource: ResourceType;
  /** `undefined`: cluster-scoped, or all namespaces. */
  readonly namespace?: string;
  /** One object by its name. */
  readonly name?: string;
  readonly labelSelector?: string;
  readonly metadataOnly?: boolean;
  /** Keeps a part of each object; `key` says whose it is, so that reflectors are shared where it is the same. */
  readonly project?: { readonly key: string; readonly apply: (object: KubeObject) => KubeObject };
}

/**
 * How a reflector fares. `retrying`: no answer, or one that makes no sense; what the store holds may be old. So it is, by some
 * seconds, where listing is allowed and watching is not. `forbidden` and `not-installed` are asked again from time to time and
 * recover by themselves.
 */
export type ReflectorStatus =
  | { readonly state: "starting" }
  | { readonly state: "synced" }
  | { readonly state: "retrying" | "forbidden" | "not-installed"; readonly error: KinsyncError };

/** Times in milliseconds; for tests. */
export interface ReflectorTiming {
  /** Objects of a page. Default: 500. */
  readonly pageSize: number;
  /** One page of a list. Default: 60,000. */
  readonly page: number;
  /** Without a byte on a watch; bookmarks come about once a minute. Default: 150,000. */
  readonly idle: number;
  /** After which the server ends a watch; up to half of it is added at random. Default: 240,000. */
  readonly watch: number;
  /** Delays after failures. Default: 500 to 30,000. */
  readonly retry: BackoffRange;
  /** The same while forbidden or not installed. Default: 5,000 to 60,000. */
  readonly slow: BackoffRange;
  readonly random: () => number;
}

export const DEFAULT_TIMING: ReflectorTiming = {
  pageSize: 500,
  page: 60_000,
  idle: 150_000,
  watch: 240_000,
  retry: { min: 500, max: 30_000 },
  slow: { min: 5_000, max: 60_000 },
  random: Math.random,
};

export interface ReflectorListener {
  /** What changed in the store, in order; it is changed already. */
  readonly onChange?: (changes: readonly StoreChange[]) => void;
  readonly onStatus?: (status: ReflectorStatus) => void;
}

/** A watch that ends sooner than this without an event is a failure; otherwise it would be requested in a tight loop. */
const SHORT_WATCH_MS = 1_000;

/** The longest delay that a server may impose with `Retry-After`. */
const RETRY_AFTER_MS = 60_000;

interface ListBody {
  readonly items?: readonly unknown[] | null;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

/**
 * Keeps a store equal to one list of the API server: list by pages, then watch; list again where the server forgot the
 * version (410). It never gives up.
 */
export class Reflector implements AsyncDisposable {
  readonly spec: ReflectorSpec;
  readonly store: ObjectStore;
  /** The plugin's `project` failed; objects are kept whole then. */
  complaint: KinsyncError | undefined;
  #status: ReflectorStatus = { state: "starting" };
  #complete = false;
  #version: string | undefined;
  /** 410s in a row. */
  #expired = 0;
  #unavailable = false;
  /** Why it is not watched: where it may be listed all the same, it is listed over and over instead. */
  #refused: RefusedWatch | undefined;
  readonly #cluster: ClusterConnection;
  readonly #timing: ReflectorTiming;
  readonly #backoff: Backoff;
  readonly #interner = new Interner();
  readonly #stop = new AbortController();
  readonly #listeners = new Set<ReflectorListener>();
  readonly #running: Promise<void>;

  constructor(cluster: ClusterConnection, spec: ReflectorSpec, timing: ReflectorTiming = DEFAULT_TIMING) {
    this.spec = spec;
    this.#cluster = cluster;
    this.#timing = timing;
    this.#backoff = new Backoff({ ...timing.retry, random: timing.random });
    this.store = new ObjectStore((raw) => this.#trim(raw));
    this.#running = this.#run();
  }

  get status(): ReflectorStatus {
    return this.#status;
  }

  /** The store held the whole list at some time. */
  get isComplete(): boolean {
    return this.#complete;
  }

  /** Synced, or known not to be had: nobody need wait for it. */
  get isSettled(): boolean {
    return this.#complete || this.isUnavailable;
  }

  /** May not be read, or is not there to be read, by the last answer that there was. */
  get isUnavailable(): boolean {
    return this.#unavailable;
  }

  /** The list in words: `list pods in namespace ml`. */
  get listText(): string {
    return this.#deed("list");
  }

  subscribe(listener: ReflectorListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Resolves when `isSettled` holds. It may take for ever: race it with a time limit. */
  async whenSettled(): Promise<void> {
    if (this.isSettled) return;
    await new Promise<void>((resolve) => {
      const subscription = this.subscribe({
        onStatus: () => {
          if (!this.isSettled) return;
          subscription[Symbol.dispose]();
          resolve();
        },
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
    this.#stop.abort(new Error("the reflector was closed"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        if (this.#version === undefined) await this.#list();
        await this.#watch();
      } catch (error) {
        if (signal.aborted) return;
        await pause(this.#fail(error), signal);
      }
    }
  }

  /** Milliseconds to wait after this failure. */
  #fail(error: unknown): number {
    const failure = this.#failureOf(error);
    const status = failure.details["status"];
    let range = this.#timing.retry;
    if (error instanceof RefusedWatch) {
      this.#version = undefined;
      const isNews = this.#refused === undefined;
      this.#refused ??= error;
      // Whether it may be listed is asked at once, and tells what there is to say.
      if (isNews) return 0;
      const { min } = this.#timing.slow;
      range = { min, max: min };
    } else if (status === 403) {
      this.#refused = undefined;
      this.#setStatus({ state: "forbidden", error: failure });
      range = this.#timing.slow;
    } else if (status === 404) {
      // The whole resource is not served (any more): there are no objects of it.
      this.#version = undefined;
      this.#setStatus({ state: "not-installed", error: failure });
      this.#tell(this.store.replace([]));
      range = this.#timing.slow;
    } else if (!(error instanceof DroppedWatch)) {
      this.#setStatus({ state: "retrying", error: failure });
    }
    const delay = this.#backoff.next(range);
    const retryAfter = failure.details["retryAfter"];
    return typeof retryAfter === "number" ? Math.max(delay, Math.min(retryAfter, RETRY_AFTER_MS)) : delay;
  }

  #failureOf(error: unknown): KinsyncError {
    if (isKinsyncError(error)) return error;
    if (error instanceof DeadlineError) {
      return new KinsyncError("KINSYNC_CLUSTER_UNREACHABLE", `Cannot ${error.message}`, { cause: error });
    }
    return new KinsyncError("KINSYNC_CLUSTER_ANSWER", `Cannot ${this.#deed("watch")}: ${textOf(error)}`, {
      cause: error,
    });
  }

  async #list(): Promise<void> {
    let items: unknown[] = [];
    let token: string | undefined;
    let limit: number | undefined = this.#timing.pageSize;
    let restarts = 0;
    for (;;) {
      using limited = deadline(this.#stop.signal, this.#timing.page, this.#deed("list"));
      const { signal } = limited;
      const response = await untilAborted(
        this.#cluster.request({
          path: resourcePath(this.spec.resource, this.spec.namespace),
          query: { ...this.#selectors(), limit, continue: token },
          ...(this.spec.metadataOnly === true ? { accept: METADATA_LIST } : {}),
          signal,
        }),
        signal,
      );
      if (response.status === 410 && token !== undefined && restarts < 3) {
        // The list grew too old between two pages. The last resort is one page with everything.
        restarts += 1;
        items = [];
        token = undefined;
        if (restarts === 3) limit = undefined;
        continue;
      }
      if (response.status !== 200) throw await untilAborted(errorOfResponse(response, this.#deed("list")), signal);
      const body = (await untilAborted(response.json(), signal)) as ListBody | null;
      if (typeof body !== "object" || body === null || typeof body.metadata?.resourceVersion !== "string") {
        throw new KinsyncError("KINSYNC_CLUSTER_ANSWER", `Cannot ${this.#deed("list")}: the answer is no list`);
      }
      for (const item of body.items ?? []) items.push(item);
      token = body.metadata.continue === "" ? undefined : body.metadata.continue;
      if (token !== undefined) continue;
      const changes = this.store.replace(items);
      this.#version = body.metadata.resourceVersion;
      this.#complete = true;
      // Changes first: who hears `synced` finds everything.
      this.#tell(changes);
      const refused = this.#refused;
      if (refused === undefined) this.#setStatus({ state: "synced" });
      else if (!("error" in this.#status) || this.#status.error !== refused) {
        this.#setStatus({ state: "retrying", error: refused });
      }
      return;
    }
  }

  async #watch(): Promise<void> {
    const started = performance.now();
    let heard = false;
    using limited = deadline(this.#stop.signal, this.#timing.idle, this.#deed("watch"));
    const { signal } = limited;
    const seconds = Math.ceil((this.#timing.watch * (1 + this.#timing.random() / 2)) / 1000);
    const response = await untilAborted(
      this.#cluster.request({
        path: resourcePath(this.spec.resource, this.spec.namespace),
        query: {
          ...this.#selectors(),
          watch: true,
          allowWatchBookmarks: true,
          resourceVersion: this.#version,
          timeoutSeconds: seconds,
        },
        ...(this.spec.metadataOnly === true ? { accept: METADATA_OBJECT } : {}),
        signal,
        idleTimeout: this.#timing.idle,
      }),
      signal,
    );
    if (response.status === 410) {
      this.#expire();
      return;
    }
    if (response.status !== 200) {
      const error = await untilAborted(errorOfResponse(response, this.#deed("watch")), signal);
      throw response.status === 403 ? new RefusedWatch(error) : error;
    }
    this.#refused = undefined;
    this.#setStatus({ state: "synced" });
    try {
      for await (const line of jsonLines(this.#readable(response), () => limited.touch())) {
        if (!this.#take(line)) {
          this.#expire();
          return;
        }
        heard = true;
        this.#expired = 0;
      }
      if (limited.isOver) throw this.#dropped(signal.reason);
      if (!heard && performance.now() - started < SHORT_WATCH_MS) throw this.#dropped("it ended at once");
    } finally {
      if (heard || performance.now() - started >= SHORT_WATCH_MS) this.#backoff.reset();
    }
  }

  async *#readable(response: ClusterResponse): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* response.body();
    } catch (error) {
      throw this.#dropped(error);
    }
  }

  #dropped(why: unknown): DroppedWatch {
    const message = `Cannot ${this.#deed("watch")}: ${textOf(why)}`;
    return new DroppedWatch("KINSYNC_CLUSTER_UNREACHABLE", message, { cause: why });
  }

  /** The server forgot our version: list again, but not over and over without a pause. */
  #expire(): void {
    this.#version = undefined;
    this.#expired += 1;
    if (this.#expired > 1) throw this.#dropped("the version of the list was too old at once");
  }

  /** One event; `false` where the list has to be asked for again. */
  #take(line: unknown): boolean {
    const { type, object } = line as { readonly type?: unknown; readonly object?: unknown };
    switch (type) {
      case "ADDED":
      case "MODIFIED":
        this.#tell(this.store.put(object));
        break;
      case "DELETED":
        this.#tell(this.store.remove(object));
        break;
      case "BOOKMARK":
        break;
      case "ERROR": {
        const error = errorOfStatus(object, this.#deed("watch"));
        if (error.details["status"] === 410) return false;
        this.#version = undefined;
        throw error;
      }
      default:
        throw new KinsyncError(
          "KINSYNC_CLUSTER_ANSWER",
          `Cannot ${this.#deed("watch")}: unknown event ${String(type)}`,
        );
    }
    const version = (object as Partial<KubeObject> | undefined)?.metadata?.resourceVersion;
    if (typeof version === "string" && version !== "") this.#version = version;
    return true;
  }

  #selectors(): Record<string, string | undefined> {
    const { name, labelSelector } = this.spec;
    return {
      labelSelector: labelSelector === "" ? undefined : labelSelector,
      fieldSelector: name === undefined ? undefined : `metadata.name=${name}`,
    };
  }

  #trim(raw: unknown): KubeObject {
    const { resource, metadataOnly, project } = this.spec;
    if (metadataOnly === true) return trimToMetadata(raw, resource);
    if (isPods(resource)) return sharePod(trimPod(raw), this.#interner);
    const object = trimObject(raw, resource);
    if (project === undefined) return object;
    try {
      return project.apply(object);
    } catch (error) {
      this.complaint = isKinsyncError(error) ? error : undefined;
      return object;
    }
  }

  #deed(verb: string): string {
    const { resource, namespace, name } = this.spec;
    const what = name === undefined ? resourceName(resource) : `${resourceName(resource)} ${name}`;
    return namespace === undefined || resource.namespaced === false
      ? `${verb} ${what}`
      : `${verb} ${what} in namespace ${namespace}`;
  }

  #setStatus(status: ReflectorStatus): void {
    const before = this.#status;
    this.#status = status;
    if (status.state === "synced") this.#unavailable = false;
    if (status.state === "forbidden" || status.state === "not-installed") this.#unavailable = true;
    if (before.state === "synced" && status.state === "synced") return;
    for (const listener of this.#listeners) listener.onStatus?.(status);
  }

  #tell(changes: readonly StoreChange[]): void {
    if (changes.length === 0) return;
    for (const listener of this.#listeners) listener.onChange?.(changes);
  }
}

/** A stream that ended after it had begun well. The next request tells whether anything is wrong, so nobody is told yet. */
class DroppedWatch extends KinsyncError {}

/** Changes may not be watched. Whether the list may be asked for, the next request tells. */
class RefusedWatch extends KinsyncError {
  constructor(cause: KinsyncError) {
    const { code, message, hint, details } = cause;
    super(code, `${message}; it is listed every few seconds instead`, { hint, details, cause });
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
