import { setImmediate as nextTurn } from "node:timers/promises";
import type { ClusterConnection } from "../contract/cluster.ts";
import type { KubeObject } from "../contract/resource.ts";
import { isKinsyncError, KinsyncError } from "../errors/error.ts";
import { Backoff } from "../time/backoff.ts";
import { DeadlineError, pause } from "../time/deadline.ts";
import { Interner } from "./interner.ts";
import { listPages } from "./list-pages.ts";
import {
  DEFAULT_TIMING,
  operationText,
  type ReflectorSpec,
  type ReflectorStatus,
  type ReflectorTiming,
} from "./reflector-spec.ts";
import { isPods } from "./resource-path.ts";
import { sharePod } from "./share.ts";
import { ObjectStore, type StoreChange } from "./store.ts";
import { trimObject, trimPod, trimToMetadata } from "./trim.ts";
import { DroppedWatch, RefusedWatch, watchEvents } from "./watch-events.ts";

export interface ReflectorListener {
  /** What changed in the store, in order, after it changed. */
  readonly onChange?: (changes: readonly StoreChange[]) => void;
  readonly onStatus?: (status: ReflectorStatus) => void;
}

/** A watch that ends sooner than this without an event is a failure; otherwise it would be requested in a tight loop. */
const SHORT_WATCH_MS = 1_000;

/** The longest delay that a server may impose with `Retry-After`. */
const RETRY_AFTER_MS = 60_000;

/**
 * A watch takes its connection for good. What a list showed, such as the workload whose pods are listed next, is requested within a turn
 * or two of the event loop: over the connection that the list left, in place of a new one that costs two round trips more.
 */
async function letOthersList(): Promise<void> {
  await nextTurn();
  await nextTurn();
}

/**
 * Keeps a store equal to one list of the API server: lists by pages, then watches; lists again where the server no longer has
 * the version (410). It retries until it is disposed.
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
  /** Why it is not watched. Where it may be listed all the same, it is listed every few seconds instead. */
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

  /** Synced, or known to be unavailable: waiting for it is pointless. */
  get isSettled(): boolean {
    return this.#complete || this.isUnavailable;
  }

  /** Forbidden or not installed, by the last answer. */
  get isUnavailable(): boolean {
    return this.#unavailable;
  }

  subscribe(listener: ReflectorListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Resolves when `isSettled` holds. This may never happen: give it a time limit. */
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
        if (this.#version === undefined) {
          await this.#list();
          await letOthersList();
          if (signal.aborted) return;
        }
        await this.#watch();
      } catch (error) {
        if (signal.aborted) return;
        await pause(this.#fail(error), signal);
      }
    }
  }

  async #list(): Promise<void> {
    const { items, resourceVersion } = await listPages(this.#cluster, this.spec, this.#timing, this.#stop.signal);
    const changes = this.store.replace(items);
    this.#version = resourceVersion;
    this.#complete = true;
    // Changes first, so that the store is complete for listeners of `synced`.
    this.#emit(changes);
    const refused = this.#refused;
    if (refused === undefined) this.#setStatus({ state: "synced" });
    else if (!("error" in this.#status) || this.#status.error !== refused) {
      this.#setStatus({ state: "retrying", error: refused });
    }
  }

  async #watch(): Promise<void> {
    const started = performance.now();
    const isShort = (): boolean => performance.now() - started < SHORT_WATCH_MS;
    let hasEvents = false;
    const { signal } = this.#stop;
    try {
      for await (const event of watchEvents(this.#cluster, this.spec, this.#timing, this.#version, signal)) {
        if (event.type === "opened") {
          this.#refused = undefined;
          this.#setStatus({ state: "synced" });
          continue;
        }
        if (event.type === "expired") {
          this.#expire();
          return;
        }
        if (event.type === "failed") {
          this.#version = undefined;
          throw event.error;
        }
        if (event.type === "put") this.#emit(this.store.put(event.object));
        else if (event.type === "removed") this.#emit(this.store.remove(event.object));
        this.#version = event.resourceVersion ?? this.#version;
        hasEvents = true;
        this.#expired = 0;
      }
      if (!hasEvents && isShort()) throw new DroppedWatch(this.spec, "it ended at once");
    } finally {
      if (hasEvents || !isShort()) this.#backoff.reset();
    }
  }

  /** The server no longer has the version: list again, but not over and over without a delay. */
  #expire(): void {
    this.#version = undefined;
    this.#expired += 1;
    if (this.#expired > 1) throw new DroppedWatch(this.spec, "the version of the list was too old at once");
  }

  /** Milliseconds to wait after this failure. */
  #fail(error: unknown): number {
    const failure = this.#failureOf(error);
    const status = failure.details["status"];
    let range = this.#timing.retry;
    if (error instanceof RefusedWatch) {
      this.#version = undefined;
      const isFirst = this.#refused === undefined;
      this.#refused ??= error;
      // Listed at once, since the answer decides what there is to report.
      if (isFirst) return 0;
      const { min } = this.#timing.slow;
      range = { min, max: min };
    } else if (status === 403) {
      this.#refused = undefined;
      this.#setStatus({ state: "forbidden", error: failure });
      range = this.#timing.slow;
    } else if (status === 404) {
      // The resource is not served, or no longer: there are no objects of it.
      this.#version = undefined;
      this.#setStatus({ state: "not-installed", error: failure });
      this.#emit(this.store.replace([]));
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
    const reason = error instanceof Error ? error.message : String(error);
    const message = `Cannot ${operationText(this.spec, "watch")}: ${reason}`;
    return new KinsyncError("KINSYNC_CLUSTER_ANSWER", message, { cause: error });
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

  #setStatus(status: ReflectorStatus): void {
    const before = this.#status;
    this.#status = status;
    if (status.state === "synced") this.#unavailable = false;
    if (status.state === "forbidden" || status.state === "not-installed") this.#unavailable = true;
    if (before.state === "synced" && status.state === "synced") return;
    for (const listener of this.#listeners) listener.onStatus?.(status);
  }

  #emit(changes: readonly StoreChange[]): void {
    if (changes.length === 0) return;
    for (const listener of this.#listeners) listener.onChange?.(changes);
  }
}
