import type { ClusterConnection } from "../contract/cluster.ts";
import { isKinsyncError } from "../errors/error.ts";
import type { Member, MemberChange, MemberContainer } from "../resolve/resolution.ts";
import { ContainerLog } from "./container-log.ts";
import type { LogEntry, LogExtent } from "./entries.ts";
import { FollowedContainer } from "./followed-container.ts";
import { LineQueue } from "./line-queue.ts";
import { mergeByTime } from "./merge.ts";
import { readOnce } from "./read-logs.ts";
import { containerToRead, isFollowed, sourceOf, type LogSelection } from "./sources.ts";

/** What the logs of a workload are followed with. */
export interface FollowLogsOptions extends LogExtent, LogSelection {
  readonly cluster: ClusterConnection;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** The logs of a workload, as long as they are followed. */
export interface FollowedLogs extends AsyncDisposable {
  /**
   * Ends with the signal and with `dispose`. Throws `KINSYNC_CLUSTER_FORBIDDEN` without the permission for `pods/log`. A reader that is too
   * slow gets `dropped` in place of lines. For one reader.
   */
  readonly entries: AsyncIterable<LogEntry>;
  /**
   * Takes over changes of members, as `watchWorkload` reports them. The first call has all members that exist: `tail` and `sinceMs` count for
   * them alone, and what they wrote before comes by time. Of members that come later everything is read.
   */
  update(changes: readonly MemberChange[]): void;
}

/** A member whose container is or was followed. */
interface Followed {
  readonly container: FollowedContainer;
  readonly uid: string;
}

/**
 * Follows the logs of the current and kept members of a workload in one stream: across restarts of containers, broken connections, and
 * members that come and go. A member that is no longer current is read to the end of its container.
 *
 * @example
 * const logs = followLogs({ cluster, tail: 10, signal });
 * await using watch = watchWorkload({ ...workload, onResolution: (_, changes) => logs.update(changes) });
 * for await (const entry of logs.entries) if (entry.type === "line") console.log(entry.source.label, entry.text);
 */
export function followLogs(options: FollowLogsOptions): FollowedLogs {
  return new Follower(options);
}

class Follower implements FollowedLogs {
  readonly entries: LineQueue;
  readonly #options: FollowLogsOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #followed = new Map<string, Followed>();
  #isFirst = true;

  constructor(options: FollowLogsOptions) {
    this.#options = options;
    this.entries = new LineQueue();
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
    const close = (): void => this.entries.close();
    if (this.#signal.aborted) close();
    else this.#signal.addEventListener("abort", close, { once: true });
  }

  update(changes: readonly MemberChange[]): void {
    if (this.#signal.aborted) return;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    const initial: FollowedContainer[] = [];
    for (const { uid, after } of changes) {
      const container = after === undefined ? undefined : containerToRead(after, this.#options);
      const known = this.#followed.get(uid);
      if (known !== undefined) {
        known.container.update(container === undefined || "missing" in container ? undefined : container, {
          isFollowed: after !== undefined && isFollowed(after, this.#options),
        });
        continue;
      }
      if (after === undefined || container === undefined || "missing" in container) continue;
      if (!isFollowed(after, this.#options)) continue;
      const added = this.#add(after, container, isFirst);
      if (isFirst) initial.push(added);
      else this.#run(added, "joined");
    }
    if (initial.length > 0) void this.#begin(initial);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new DOMException("the logs are no longer followed", "AbortError"));
  }

  #add(member: Member, container: MemberContainer, isFirst: boolean): FollowedContainer {
    const labels = new Set([...this.#followed.values()].map(({ container: each }) => each.log.source.label));
    const source = sourceOf(member, container.name, labels);
    const { cluster, lineBytes, tail, sinceMs } = this.#options;
    const log = new ContainerLog(cluster, source, { lineBytes, ...(isFirst ? { tail, sinceMs } : {}) });
    const followed = new FollowedContainer(log, container, this.entries);
    this.#followed.set(member.uid, { container: followed, uid: member.uid });
    return followed;
  }

  /** What was written before, by time; then what comes. */
  async #begin(initial: readonly FollowedContainer[]): Promise<void> {
    const signal = this.#signal;
    try {
      // With `tail: 0` nothing was asked for.
      if (this.#options.tail !== 0) {
        const past = initial
          .filter(({ hasStarted }) => hasStarted)
          .map(({ log }) => readOnce(log, { previous: false, signal, onError: () => undefined }));
        for await (const line of mergeByTime(past)) {
          await this.entries.room();
          this.entries.push(line);
        }
      }
      for (const each of initial) this.#run(each);
    } catch (error) {
      this.#fail(error);
    }
  }

  #run(container: FollowedContainer, note?: "joined"): void {
    container
      .run(this.#signal, note)
      .then(
        () => undefined,
        (error: unknown) => this.#fail(error),
      )
      .finally(() => {
        if (this.#followed.get(container.log.source.uid)?.container === container) {
          this.#followed.delete(container.log.source.uid);
        }
      });
  }

  #fail(error: unknown): void {
    if (this.#signal.aborted) return;
    this.entries.close(isKinsyncError(error) || error instanceof Error ? error : new Error(String(error)));
    this.#stop.abort(error);
  }
}
