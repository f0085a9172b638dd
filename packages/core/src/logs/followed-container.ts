import type { MemberContainer } from "../resolve/resolution.ts";
import { Backoff } from "../time/backoff.ts";
import { pause } from "../time/deadline.ts";
import type { ContainerLog, LogEnd, LogReading } from "./container-log.ts";
import type { LogNote } from "./entries.ts";
import type { LineQueue } from "./line-queue.ts";
import { isFatal } from "./read-logs.ts";
import { runOf } from "./sources.ts";

/** Time between attempts. */
const AGAIN_MS = { min: 500, max: 15_000 } as const;
/** Time until a stream that ended although its container runs is opened again. Its end tells of a restart before the API does. */
const ENDED_MS = 4_000;
/** Within this time, a restart that the API reports is the reason for which the former stream ended. */
const LATE_REPORT_MS = 30_000;

/** Follows the log of one container across its restarts, until its pod is gone or it ended and is no longer followed. */
export class FollowedContainer {
  readonly log: ContainerLog;
  readonly #queue: LineQueue;
  readonly #backoff = new Backoff(AGAIN_MS);
  #container: MemberContainer | undefined;
  #isFollowed = true;
  #changed = Promise.withResolvers<void>();
  /** The run that was read last. */
  #lastRead: string | undefined;
  /** When a stream was opened again after the one before had ended; `undefined`: no such stream is read. */
  #reopenedAt: number | undefined;
  /** A note says that the log cannot be read. */
  #isInterrupted = false;

  constructor(log: ContainerLog, container: MemberContainer, queue: LineQueue) {
    this.log = log;
    this.#container = container;
    this.#queue = queue;
  }

  get hasStarted(): boolean {
    return this.#run !== undefined;
  }

  /** @param container as the API reports it now; `undefined`: the pod is gone */
  update(container: MemberContainer | undefined, { isFollowed }: { readonly isFollowed: boolean }): void {
    const before = this.#run;
    this.#container = container;
    this.#isFollowed = isFollowed && container !== undefined;
    if (before === this.#run && this.#isFollowed && this.isRunning) return;
    if (this.#reopenedAt !== undefined && before !== this.#run && this.#run !== undefined) {
      // The lines since then are those of the new run.
      if (performance.now() - this.#reopenedAt < LATE_REPORT_MS) {
        this.#note("restarted", "the container restarted");
        this.#lastRead = this.#run;
      }
      this.#reopenedAt = undefined;
    }
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  get isRunning(): boolean {
    return this.#container?.runningId !== undefined;
  }

  /** Rejects with `KINSYNC_CLUSTER_FORBIDDEN` without the permission, and with the signal's reason. */
  async run(signal: AbortSignal, note?: "joined"): Promise<void> {
    if (note !== undefined) this.#note(note, "a new member");
    let end: LogEnd | undefined;
    for (;;) {
      signal.throwIfAborted();
      const now = this.#run;
      if (now === undefined || (now === this.#lastRead && end?.how === "ended" && !this.isRunning)) {
        // It has not started, or is read to its end.
        if (!this.#isFollowed) return;
        await this.#change(signal);
        continue;
      }
      if (now === this.#lastRead && end?.how !== "quiet") {
        // The end of a run is known to its reader first: the next run may begin within this time.
        const delay = end?.how === "ended" ? ENDED_MS : this.#backoff.next();
        await Promise.race([pause(delay, signal), this.#change(signal)]);
        signal.throwIfAborted();
        if (!this.#isFollowed && end?.how === "missing") return;
        // Its rest is read, or the new run.
        if (this.#run !== now) continue;
      } else if (now !== this.#lastRead && this.#lastRead !== undefined) {
        // The stream of the run before broke, and the rest of its log is still there.
        if (end?.how === "broken") await this.#lines({ follow: false, previous: true }, signal);
        this.#note("restarted", "the container restarted");
      }
      this.#reopenedAt = now === this.#lastRead && end?.how === "ended" ? performance.now() : undefined;
      this.#lastRead = now;
      end = await this.#lines({ follow: true }, signal);
      this.#reopenedAt = undefined;
      if (end.how === "missing" && !this.#isFollowed) return;
      if ("error" in end) this.#report(end);
      else this.#isInterrupted = false;
    }
  }

  get #run(): string | undefined {
    return this.#container === undefined ? undefined : runOf(this.#container);
  }

  async #lines(reading: LogReading, signal: AbortSignal): Promise<LogEnd> {
    const lines = this.log.read(reading, signal);
    for (;;) {
      const next = await lines.next();
      if (next.done === true) {
        if ("error" in next.value && isFatal(next.value.error)) throw next.value.error;
        return next.value;
      }
      this.#isInterrupted = false;
      this.#backoff.reset();
      this.#queue.push(next.value);
    }
  }

  /** Once until there are lines again. A container that has not started and a pod that was deleted are nothing to report. */
  #report(end: Extract<LogEnd, { readonly error: unknown }>): void {
    if (end.how === "waiting" || end.how === "missing" || this.#isInterrupted) return;
    this.#isInterrupted = true;
    this.#note("interrupted", `${end.error.message}; trying again`);
  }

  #note(code: LogNote["code"], reason: string): void {
    this.#queue.push({ type: "note", source: this.log.source, code, reason });
  }

  async #change(signal: AbortSignal): Promise<void> {
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    const onAbort = (): void => resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await Promise.race([this.#changed.promise, aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }
}
