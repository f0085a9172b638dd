import { basename } from "node:path";
import type { SessionEnd } from "../../contract/session.ts";
import { asKinsyncError, isKinsyncError, isSourceError, type KinsyncError } from "../../errors/error.ts";
import { Backoff } from "../../time/backoff.ts";
import { ActionRunner } from "../actions/runner.ts";
import { Channels, type Channel } from "./channels.ts";
import { foremost, haltedDeletes } from "./deletes.ts";
import { firstMapping, type DesiredRoot, type DesiredState } from "./desired-state.ts";
import { takenOver } from "./first-contact.ts";
import { TargetNotes } from "./notes.ts";
import { prepareRoot } from "./prepare-root.ts";
import type { TargetStatus } from "./status.ts";
import { Visibility } from "./visibility.ts";
import type { WorkerOptions } from "./worker-options.ts";

const RETRY_MS = { min: 250, max: 30_000 };

/**
 * Makes one target hold its desired state. Each pass compares the observed state (ledgers) with the desired one and delivers the
 * difference: a late pod, a restarted container, a failed batch and ten saves during one transfer all take this path.
 * One state machine: its fields change together.
 */
export class Worker implements AsyncDisposable {
  readonly #options: WorkerOptions;
  readonly #abort = new AbortController();
  readonly #channels: Channels;
  readonly #startedAt = performance.now();
  // What a target at rest does not need is made when it is needed: there may be thousands of targets.
  #actions: ActionRunner | undefined;
  #backoff: Backoff | undefined;
  /** Ends when no pass is due; `undefined` at rest. */
  #passes: Promise<void> | undefined;
  #desired: DesiredState;
  /** What the last pass compared with. */
  #tried: DesiredState;
  #snapshot: number | undefined;
  #status: TargetStatus = "waiting";
  #reason = "";
  #dirty = true;
  #retryTimer: NodeJS.Timeout | undefined;
  /** No attempt is made until the desired state has another key; permanent where another run owns the target. */
  #blocked: { readonly key: string } | "for-good" | undefined;
  #changed: Set<string> | undefined;
  readonly #visibility = new Visibility();
  readonly #notes: TargetNotes;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#desired = options.desired;
    this.#tried = options.desired;
    this.#notes = new TargetNotes((code, text) => options.listener.onNote(code, text));
    this.#channels = new Channels({
      open: (mapping, signal) => options.open(mapping, signal),
      onOpened: (session) => options.listener.onSession(session.facts),
      onEnded: (end) => this.#onSessionEnd(end),
      signal: this.#abort.signal,
    });
    this.#run();
  }

  get status(): TargetStatus {
    return this.#status;
  }

  get reason(): string {
    return this.#reason;
  }

  /** Number of the last snapshot that the target completely held; `undefined` before the first. */
  get snapshot(): number | undefined {
    return this.#snapshot;
  }

  /** Nothing is running or due: the target is up to date, or only the user or time can change anything. */
  get idle(): boolean {
    const isAtWork = this.#status === "syncing" || this.#status === "waiting" || this.#visibility.isPending;
    return !isAtWork && !this.#dirty && (this.#actions?.pending ?? 0) === 0;
  }

  /** Another run of kinsync owns the target: no attempt is repeated. */
  get isTaken(): boolean {
    return this.#blocked === "for-good";
  }

  /** Compares again. */
  enqueue(): void {
    this.#dirty = true;
    this.#run();
    this.#options.listener.onChange();
  }

  /** Pushes another desired state. */
  update(desired: DesiredState): void {
    if (desired === this.#desired) return;
    this.#desired = desired;
    this.enqueue();
  }

  /** Retries at once what failed or waits for its next attempt. */
  retryNow(): void {
    if (this.#blocked !== "for-good") this.#blocked = undefined;
    this.#backoff?.reset();
    this.enqueue();
  }

  /** Runs passes while one is due, unless they are running. */
  #run(): void {
    // Nothing is reported before the caller, such as the constructor, has returned.
    this.#passes ??= Promise.resolve()
      .then(() => this.#loop())
      .finally(() => {
        this.#passes = undefined;
        if (this.#dirty && !this.#abort.signal.aborted) this.#run();
      });
  }

  async #loop(): Promise<void> {
    const { signal } = this.#abort;
    while (this.#dirty && !signal.aborted) {
      this.#dirty = false;
      if (this.#isBlocked()) {
        this.#options.listener.onChange();
        continue;
      }
      this.#blocked = undefined;
      this.#tried = this.#desired;
      try {
        clearTimeout(this.#retryTimer);
        await this.#pass(signal);
        this.#backoff?.reset();
      } catch (error) {
        if (signal.aborted) return;
        await this.#failed(error);
      }
      this.#options.listener.onChange();
    }
  }

  #isBlocked(): boolean {
    if (this.#blocked === undefined) return false;
    return this.#blocked === "for-good" || this.#blocked.key === this.#desired.key;
  }

  /** One comparison of everything. */
  async #pass(signal: AbortSignal): Promise<void> {
    if (this.#status === "waiting") this.#set("waiting", "connecting");
    if (this.#desired.mappings.length > 0) await this.#channels.get(firstMapping(this.#desired));
    // Read after the connection: the session's facts may have changed it.
    const desired = this.#desired;
    this.#tried = desired;
    if (desired.conflict !== undefined) throw desired.conflict;
    const failures: KinsyncError[] = [];
    for (const root of desired.roots) {
      const channel = await this.#channels.get(root.mapping);
      try {
        await this.#bring(channel, root, desired, signal);
      } catch (error) {
        // A mapping that needs the user does not block the other mappings.
        if (!isKinsyncError(error) || error.retry !== "terminal" || error.code === "KINSYNC_TARGET_TAKEN") throw error;
        failures.push(error);
        const deletes = haltedDeletes(error);
        if (deletes !== undefined) this.#options.listener.onDeletes(root, error, deletes);
      }
    }
    const failure = foremost(failures);
    if (failure !== undefined) throw failure;
    // A state that was pushed meanwhile has set `dirty`; the next pass uses it.
    if (desired !== this.#desired) return;
    const [halted] = desired.halted;
    if (halted === undefined && desired.roots.length === 0) {
      this.#set("waiting", "reading the local files");
      return;
    }
    this.#snapshot = desired.snapshot;
    const notVisible = this.#visibility.reasonAgainst(desired.roots);
    if (halted !== undefined) this.#set("halted", halted.reason);
    else if (notVisible !== undefined) this.#set("accepted", notVisible);
    else this.#set("synced", "holds the newest snapshot");
    this.#runActions();
  }

  /** Makes one mapped root hold its desired tree. */
  async #bring(channel: Channel, root: DesiredRoot, desired: DesiredState, signal: AbortSignal): Promise<void> {
    const { id } = root.mapping;
    const { snapshot } = desired;
    const { listener } = this.#options;
    const known = channel.ledgers.get(id);
    if (known?.tree?.digest === root.tree.digest) return;
    this.#set("syncing", `to snapshot ${snapshot}`);
    const capabilities = this.#options.capabilities(root.mapping);
    await using delivery = await prepareRoot({
      channel,
      root,
      snapshot,
      worker: this.#options,
      notes: this.#notes,
      capabilities,
      onProgress: (sent, total) => listener.onProgress(root, sent, total),
      signal,
    });
    const delivered = await delivery.apply();
    this.#notes.unset(id, delivered.notes);
    const changed = (this.#changed ??= new Set());
    for (const { path } of delivery.entries) {
      changed.add(root.spec.shape === "file" ? basename(root.mapping.from) : path);
    }
    const since = Math.max(root.settledAt, known === undefined ? this.#startedAt : 0);
    if (delivered.seen === undefined) {
      if (capabilities.acknowledges === "accepted" && delivery.entries.length > 0) this.#visibility.addUnreported(id);
    } else this.#waitUntilSeen(id, delivered.seen);
    listener.onSynced(root, snapshot, delivered.stats, performance.now() - since);
  }

  /** Once the last root is visible, a pass sets the status. A root that cannot become visible is a failure of its delivery. */
  #waitUntilSeen(id: string, seen: Promise<void>): void {
    const { signal } = this.#abort;
    this.#visibility.wait(id, seen, {
      onFailed: async (error) => {
        if (!signal.aborted) await this.#failed(error);
      },
      onSettled: () => {
        if (!signal.aborted) this.enqueue();
      },
    });
  }

  #runActions(): void {
    const changed = this.#changed;
    this.#changed = undefined;
    if (changed === undefined || changed.size === 0) return;
    const due = this.#options.actionsDue(changed);
    if (due.length === 0) return;
    const { name, listener } = this.#options;
    this.#actions ??= new ActionRunner({
      session: async () => (await this.#channels.get(firstMapping(this.#desired))).session,
      target: name,
      onResult: (action, result) => listener.onRun(action, result),
      onChange: () => listener.onChange(),
      signal: this.#abort.signal,
    });
    this.#actions.enqueue(due);
  }

  async #failed(thrown: unknown): Promise<void> {
    const error = asKinsyncError(thrown, `${this.#options.name}: something failed inside kinsync`, { retry: "retry" });
    if (error.code === "KINSYNC_TARGET_TAKEN") {
      this.#halt(error);
      return;
    }
    if (error.retry === "terminal") {
      this.#blocked = { key: this.#tried.key };
      this.#set(error.code === "KINSYNC_TARGET_DELETES" ? "halted" : "failed", error.message, error);
      return;
    }
    this.#backoff ??= new Backoff(this.#options.retry ?? RETRY_MS);
    const delay = this.#backoff.next();
    if (error.code === "KINSYNC_SOURCE_CHANGED") {
      // This ends only the delivery, not the session: the next snapshot is on its way.
      this.#set("syncing", "a local file changed while it was sent; waiting for it to settle");
    } else {
      // The state of a failed session is not reliable: the next attempt opens another. A local failure does not affect the session.
      if (!isSourceError(error)) await this.#channels.close();
      if (error.retry === "gone") {
        this.#set("waiting", error.message);
      } else {
        this.#set("stale", error.message, error);
        this.#options.listener.onRetry(error, delay);
      }
    }
    clearTimeout(this.#retryTimer);
    if (this.#abort.signal.aborted) return;
    this.#retryTimer = setTimeout(() => this.enqueue(), delay);
    // The end of the session, which caused this failure, has set `dirty`; only another desired state needs another pass.
    this.#dirty = this.#desired.key !== this.#tried.key;
  }

  #onSessionEnd(end: SessionEnd): void {
    if (end.why === "taken") this.#halt(end.error);
    else this.enqueue();
  }

  #halt(cause: Error | undefined): void {
    const error = isKinsyncError(cause) ? cause : takenOver(this.#options.name, cause);
    this.#blocked = "for-good";
    this.#set("halted", error.message, error);
  }

  #set(status: TargetStatus, reason: string, error?: KinsyncError): void {
    if (status === this.#status && reason === this.#reason && error === undefined) return;
    this.#status = status;
    this.#reason = reason;
    this.#options.listener.onStatus(status, reason, error);
    this.#options.listener.onChange();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#retryTimer);
    await this.#channels.close();
    await Promise.allSettled([this.#passes, this.#actions?.[Symbol.asyncDispose]()]);
    await this.#channels[Symbol.asyncDispose]();
  }
}
