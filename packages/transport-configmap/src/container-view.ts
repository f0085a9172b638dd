import { setTimeout as sleep } from "node:timers/promises";
import { isKinsyncError, KinsyncError, type OpenContext, type Session, type Target } from "@kinsync/core/contract";
import { exec } from "@kinsync/transport-exec";
import { nameOf } from "./read-target.ts";

export interface LookLimits {
  readonly lookEveryMs: number;
  readonly visibleWithinMs: number;
}

/** What the container must show. */
export interface Expected {
  /** Digests by key. */
  readonly files: ReadonlyMap<string, string>;
  /** Keys that must be gone. */
  readonly absent: ReadonlySet<string>;
}

interface Waiting {
  readonly expected: Expected;
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What the container sees of a mounted object: read from the kubelet's folder `..data` by an agent in the container, where one can run. The
 * API server does not report when a kubelet has updated a volume.
 */
export class ContainerView implements AsyncDisposable {
  readonly #target: Target;
  readonly #context: OpenContext;
  readonly #limits: LookLimits;
  readonly #stop = new AbortController();
  /** By mount path, in the order of the commits. */
  readonly #waiting = new Map<string, Waiting[]>();
  #opening: Promise<Session> | undefined;

  constructor(target: Target, context: OpenContext, limits: LookLimits) {
    this.#target = target;
    this.#context = context;
    this.#limits = limits;
  }

  /**
   * Whether anything can be seen in the container.
   * @returns why not; `undefined` where it can
   */
  async problem(): Promise<string | undefined> {
    try {
      await this.#session();
      return undefined;
    } catch (error) {
      if (!isKinsyncError(error) || error.retry === "gone" || this.#stop.signal.aborted) throw error;
      const isPermanent = error.retry === "terminal" || error.code === "KINSYNC_CLUSTER_FORBIDDEN";
      return isPermanent ? error.message : undefined;
    }
  }

  /**
   * Resolves when the container shows this, or what was expected later at the same mount. Rejects after the time limit, and when the
   * session is closed.
   */
  untilShown(mountPath: string, expected: Expected): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // The caller may ignore it.
    promise.catch(() => undefined);
    const waiting = this.#waiting.get(mountPath);
    const entry = { expected, since: performance.now(), resolve, reject };
    if (waiting !== undefined) waiting.push(entry);
    else {
      const list = [entry];
      this.#waiting.set(mountPath, list);
      void this.#look(mountPath, list);
    }
    return promise;
  }

  /** The digests of all files that the container shows now; `undefined` where a look failed and another one may succeed. */
  async shown(mountPath: string): Promise<ReadonlyMap<string, string> | undefined> {
    const { signal } = this.#stop;
    try {
      const session = await this.#session();
      const root = { path: `${mountPath}/..data`, shape: "directory", key: "kinsync-look" } as const;
      const { entries } = await session.inventory(root, { paths: [], list: true, signal });
      return new Map(entries.flatMap((each) => (each.type === "file" ? [[each.path, each.digest] as const] : [])));
    } catch (error) {
      signal.throwIfAborted();
      if (isKinsyncError(error) && error.retry !== "retry") throw error;
      await this.#close();
      return undefined;
    }
  }

  /** Waits until the next look. Rejects when the session is closed. */
  async pause(): Promise<void> {
    await sleep(this.#limits.lookEveryMs, undefined, { signal: this.#stop.signal });
  }

  /** The error for files that did not become visible in time. */
  lateError(mountPath: string): KinsyncError {
    const seconds = Math.round(this.#limits.visibleWithinMs / 100) / 10;
    return new KinsyncError(
      "KINSYNC_TARGET_TIMEOUT",
      `${nameOf(this.#target)}: the kubelet did not show the change in ${mountPath} within ${seconds} s`,
      { hint: "kinsync continues to look. Check that the kubelet of the node is healthy." },
    );
  }

  get visibleWithinMs(): number {
    return this.#limits.visibleWithinMs;
  }

  async #look(mountPath: string, waiting: Waiting[]): Promise<void> {
    try {
      for (;;) {
        const shown = await this.shown(mountPath);
        if (shown !== undefined) {
          const last = waiting.findLastIndex(({ expected }) => isShown(expected, shown));
          for (const { resolve } of waiting.splice(0, last + 1)) resolve();
        }
        for (const late of waiting.filter(({ since }) => performance.now() - since > this.#limits.visibleWithinMs)) {
          late.reject(this.lateError(mountPath));
          waiting.splice(waiting.indexOf(late), 1);
        }
        if (waiting.length === 0) break;
        await this.pause();
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
    this.#waiting.delete(mountPath);
  }

  /** The session of the agent that looks; a new one where the former ended. */
  #session(): Promise<Session> {
    if (this.#opening !== undefined) return this.#opening;
    const { cluster, runId, owner, since } = this.#context;
    const opening: Promise<Session> = exec().open(this.#target, {
      cluster,
      runId,
      owner,
      since,
      signal: this.#stop.signal,
    });
    this.#opening = opening;
    const forget = (): void => {
      if (this.#opening === opening) this.#opening = undefined;
    };
    opening.then(({ ended }) => ended.then(forget), forget);
    return opening;
  }

  async #close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    const session = await opening?.catch(() => undefined);
    await session?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new KinsyncError("KINSYNC_TARGET_LOST", `${nameOf(this.#target)}: the session was closed`));
    await this.#close();
  }
}

export function isShown({ files, absent }: Expected, shown: ReadonlyMap<string, string>): boolean {
  for (const [key, digest] of files) if (shown.get(key) !== digest) return false;
  for (const key of absent) if (shown.has(key)) return false;
  return true;
}
