import { basename } from "node:path";
import type { RunResult } from "../../contract/action.ts";
import type { TransportCapabilities } from "../../contract/capabilities.ts";
import type { HostedSession, SessionEnd, SessionFacts } from "../../contract/session.ts";
import { asKinsyncError, isKinsyncError, isSourceError, KinsyncError } from "../../errors/error.ts";
import type { ResolvedAction } from "../../mapping/action.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import { Backoff } from "../../time/backoff.ts";
import { ActionRunner } from "../actions/runner.ts";
import type { ArchivePool } from "../archive/archive-pool.ts";
import { Channels, type Channel } from "./channels.ts";
import { unsupportedError, unsupportedInTree } from "../../mapping/unsupported.ts";
import { prepareDelivery, type Delivered, type DeliveryStats } from "./deliver.ts";
import type { DesiredRoot, DesiredState } from "./desired-state.ts";
import { Followers } from "./follow.ts";
import { takeStock, withOwner, type Claimant, type FirstContact } from "./first-contact.ts";
import type { TargetStatus } from "./status.ts";

/** What a worker reports. */
export interface WorkerListener {
  readonly onStatus: (status: TargetStatus, reason: string, error: KinsyncError | undefined) => void;
  /** A mapped root holds its desired tree. `duration`: milliseconds since the tree settled, or since the worker began. */
  readonly onSynced: (root: DesiredRoot, snapshot: number, stats: DeliveryStats, duration: number) => void;
  /** A commit of a mapped root is about to be sent: what it holds is not known until `onDelivered`. */
  readonly onDelivering?: (root: DesiredRoot) => void;
  /** A mapped root holds its desired tree, by this target's own commit or inventory. `changed`: paths relative to `from`. */
  readonly onDelivered?: (root: DesiredRoot, changed: readonly string[]) => void;
  /** The files that another target wrote are visible here. */
  readonly onShared?: (root: DesiredRoot) => void;
  /** The files that another target wrote are not visible here: the two do not share them. */
  readonly onApart?: (root: DesiredRoot) => void;
  /** A pass failed, or another run owns the target. */
  readonly onFailure?: (error: KinsyncError) => void;
  readonly onRetry: (error: KinsyncError, delay: number) => void;
  readonly onProgress: (root: DesiredRoot, sent: number, total: number) => void;
  readonly onRun: (action: ResolvedAction, result: RunResult | KinsyncError) => void;
  /** A session began. The desired state may depend on what it found; `update` may be called from here. */
  readonly onSession: (facts: SessionFacts) => void;
  /** Called after every change of `status`, `idle` or `snapshot`. */
  readonly onChange: () => void;
}

export interface WorkerOptions {
  /** `pod/NAME, container NAME`, for messages. */
  readonly name: string;
  readonly desired: DesiredState;
  readonly claimant: Claimant;
  /** Ids of mappings whose roots this run has claimed in this container. The worker adds to it; it outlives the worker. */
  readonly claimed: { has(mapping: string): boolean; add(mapping: string): unknown };
  readonly archives: ArchivePool;
  /** What the transport of a mapping can do. */
  readonly capabilities: (mapping: ResolvedMapping) => TransportCapabilities;
  /** Opens a session by the transport of a mapping. Called again after a session ended. */
  readonly open: (mapping: ResolvedMapping, signal: AbortSignal) => Promise<HostedSession>;
  /** The commands that are due after these paths changed, relative to the `from` of their mappings. */
  readonly actionsDue: (changed: ReadonlySet<string>) => readonly ResolvedAction[];
  readonly listener: WorkerListener;
  /** Milliseconds between attempts. Default: 250 to 30,000. */
  readonly retry?: { readonly min: number; readonly max: number };
}

/**
 * Makes one target hold its desired state. Each pass compares the observed state (ledgers) with the desired one and delivers the
 * difference: a late pod, a restarted container, a failed batch and ten saves during one transfer all take this path.
 * One state machine, whose fields change together: that is why it is one file.
 */
export class Worker implements AsyncDisposable {
  readonly #options: WorkerOptions;
  readonly #abort = new AbortController();
  readonly #channels: Channels;
  readonly #actions: ActionRunner;
  readonly #backoff: Backoff;
  readonly #startedAt = performance.now();
  readonly #finished: Promise<void>;
  #desired: DesiredState;
  /** What the last pass compared with. */
  #tried: DesiredState;
  #snapshot: number | undefined;
  #status: TargetStatus = "waiting";
  #reason = "";
  #dirty = true;
  #wake = Promise.withResolvers<void>();
  #retryTimer: NodeJS.Timeout | undefined;
  /** No attempt is made until the desired state has another key; permanent where another run owns the target. */
  #blocked: { readonly key: string } | "for-good" | undefined;
  #changed = new Set<string>();
  /** Mapped roots that were handed over and are not visible yet. */
  readonly #unseen = new Set<Promise<void>>();
  /** Mappings whose transport handed over the files and does not report when they are visible. */
  readonly #neverSeen = new Set<string>();
  readonly #followers: Followers;
  /** Mappings whose roots the open sessions may own. */
  readonly #led = new Set<string>();

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#desired = options.desired;
    this.#tried = options.desired;
    this.#backoff = new Backoff(options.retry ?? { min: 250, max: 30_000 });
    const { signal } = this.#abort;
    this.#channels = new Channels({
      open: options.open,
      onOpened: (session) => options.listener.onSession(session.facts),
      onEnded: (end) => this.#onSessionEnd(end),
      signal,
    });
    this.#actions = new ActionRunner({
      session: async () => (await this.#channels.get(this.#firstMapping())).session,
      target: options.name,
      onResult: options.listener.onRun,
      onChange: () => options.listener.onChange(),
      signal,
    });
    this.#followers = new Followers({
      runId: options.claimant.runId,
      onHeld: (root, isFirst) => {
        const duration = performance.now() - Math.max(root.settledAt, isFirst ? this.#startedAt : 0);
        options.listener.onSynced(root, this.#tried.snapshot, { files: 0, deleted: 0, bytes: 0 }, duration);
      },
      onShared: (root) => options.listener.onShared?.(root),
      onApart: (root) => options.listener.onApart?.(root),
      again: (delayMs) => this.#retryIn(delayMs),
    });
    // Nothing is reported before the constructor has returned.
    this.#finished = Promise.resolve().then(() => this.#loop());
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
    const isAtWork = this.#status === "syncing" || this.#status === "waiting" || this.#unseen.size > 0;
    return !isAtWork && !this.#dirty && this.#actions.pending === 0;
  }

  /** Another run of kinsync owns the target: no attempt is repeated. */
  get isTaken(): boolean {
    return this.#blocked === "for-good";
  }

  /** Compares again. */
  enqueue(): void {
    this.#dirty = true;
    this.#wake.resolve();
    this.#options.listener.onChange();
  }

  /** Pushes another desired state. */
  update(desired: DesiredState): void {
    if (desired === this.#desired) return;
    this.#desired = desired;
    this.enqueue();
  }

  /** Another target changed these paths, which this one shares. Relative to `from`; they count for the commands of `run`. */
  noteChanged(paths: readonly string[]): void {
    for (const path of paths) this.#changed.add(path);
  }

  /** Retries at once what failed or waits for its next attempt. */
  retryNow(): void {
    if (this.#blocked !== "for-good") this.#blocked = undefined;
    this.#backoff.reset();
    this.enqueue();
  }

  async #loop(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      if (!this.#dirty) {
        // Replaced only here: a wake-up that was served has no effect later.
        this.#wake = Promise.withResolvers<void>();
        await this.#wake.promise;
        continue;
      }
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
        this.#backoff.reset();
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
    if (this.#desired.mappings.length > 0) await this.#channels.get(this.#firstMapping());
    // Read after the connection: the session's facts may have changed it.
    const desired = this.#desired;
    this.#tried = desired;
    if (desired.conflict !== undefined) throw desired.conflict;
    if (desired.roots.some(({ follows, mapping }) => follows !== undefined && this.#led.has(mapping.id))) {
      // These sessions own what this target wrote before. The commits of the target that writes it now would end them later.
      await this.#channels.close();
      this.#led.clear();
    }
    const failures: KinsyncError[] = [];
    for (const root of desired.roots) {
      try {
        if (root.refused !== undefined) throw root.refused;
        if (root.follows === undefined)
          await this.#bring(await this.#channels.get(root.mapping), root, desired, signal);
        else await this.#followers.check(root, (await this.#channels.get(root.mapping)).session, signal);
      } catch (error) {
        // A mapping that needs the user does not block the other mappings.
        if (!isKinsyncError(error) || error.retry !== "terminal" || error.code === "KINSYNC_TARGET_TAKEN") throw error;
        failures.push(error);
      }
    }
    if (failures[0] !== undefined) throw failures[0];
    // A state that was pushed meanwhile has set `dirty`; the next pass uses it.
    if (desired !== this.#desired) return;
    const pending = this.#followers.pending(desired);
    if (pending !== undefined) {
      const { status, reason, error } = pending;
      if (status !== this.#status || reason !== this.#reason) this.#set(status, reason, error);
      if (status !== "accepted") return;
    }
    const [halted] = desired.halted;
    if (halted === undefined && desired.roots.length === 0) {
      this.#set("waiting", "reading the local files");
      return;
    }
    this.#snapshot = desired.snapshot;
    const isOnlyAccepted = desired.roots.some(({ mapping }) => this.#neverSeen.has(mapping.id));
    if (halted !== undefined) this.#set("halted", halted.reason);
    else if (this.#unseen.size > 0)
      this.#set("accepted", "handed over; the files are not visible in the container yet");
    else if (pending !== undefined) this.#set(pending.status, pending.reason);
    else if (isOnlyAccepted)
      this.#set("accepted", "handed over; the transport does not report when the files are visible");
    else this.#set("synced", "holds the newest snapshot");
    this.#runActions();
  }

  /** Makes one mapped root hold its desired tree. */
  async #bring(channel: Channel, root: DesiredRoot, desired: DesiredState, signal: AbortSignal): Promise<void> {
    const { id } = root.mapping;
    const { snapshot } = desired;
    const { name, claimant, claimed, archives, listener } = this.#options;
    const known = channel.ledgers.get(id);
    if (known?.tree?.digest === root.tree.digest) return;
    this.#set("syncing", `to snapshot ${snapshot}`);
    const { session } = channel;
    const capabilities = this.#options.capabilities(root.mapping);
    const missing = unsupportedInTree(root.tree, capabilities);
    if (missing.length > 0) throw unsupportedError(root.mapping.transport, id, missing);
    const contact: FirstContact = {
      session,
      root,
      snapshot,
      claimant,
      target: name,
      isFirst: !claimed.has(id),
      signal,
    };
    const ledger = known ?? (await takeStock(contact));
    claimed.add(id);
    this.#led.add(id);
    channel.ledgers.set(id, ledger);
    const onProgress = (sent: number, total: number): void => listener.onProgress(root, sent, total);
    await using delivery = await prepareDelivery({
      session,
      root,
      snapshot,
      ledger,
      modes: capabilities.modes,
      archives,
      target: name,
      onProgress,
      signal,
    });
    let delivered: Delivered;
    if (delivery.entries.length > 0) listener.onDelivering?.(root);
    try {
      delivered = await delivery.apply();
    } catch (error) {
      // The root's content is unknown now: the next pass requests an inventory again.
      channel.ledgers.delete(id);
      throw await withOwner(contact, error);
    }
    const changed = delivery.entries.map(({ path }) =>
      root.spec.shape === "file" ? basename(root.mapping.from) : path,
    );
    this.noteChanged(changed);
    const since = Math.max(root.settledAt, known === undefined ? this.#startedAt : 0);
    if (delivered.seen === undefined) {
      if (capabilities.acknowledges === "accepted" && delivery.entries.length > 0) this.#neverSeen.add(id);
    } else this.#waitUntilSeen(id, delivered.seen);
    listener.onSynced(root, snapshot, delivered.stats, performance.now() - since);
    this.#followers.delivered(root);
    listener.onDelivered?.(root, changed);
  }

  /** Once the last root is visible, a pass sets the status. A root that cannot become visible is a failure of its delivery. */
  #waitUntilSeen(id: string, seen: Promise<void>): void {
    this.#neverSeen.delete(id);
    const waiting = seen
      .then(undefined, async (error: unknown) => {
        if (!this.#abort.signal.aborted) await this.#failed(error);
      })
      .finally(() => {
        this.#unseen.delete(waiting);
        if (!this.#abort.signal.aborted) this.enqueue();
      });
    this.#unseen.add(waiting);
  }

  #runActions(): void {
    if (this.#changed.size === 0) return;
    const changed = this.#changed;
    this.#changed = new Set();
    this.#actions.enqueue(this.#options.actionsDue(changed));
  }

  async #failed(thrown: unknown): Promise<void> {
    const error = asKinsyncError(thrown, `${this.#options.name}: something failed inside kinsync`, { retry: "retry" });
    if (error.code === "KINSYNC_TARGET_TAKEN") {
      this.#halt(error);
      return;
    }
    if (error.retry === "terminal") {
      this.#blocked = { key: this.#tried.key };
      this.#set("failed", error.message, error);
      this.#options.listener.onFailure?.(error);
      return;
    }
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
    this.#retryIn(delay);
    // The end of the session, which caused this failure, has set `dirty`; only another desired state needs another pass.
    this.#dirty = this.#desired.key !== this.#tried.key;
    this.#options.listener.onFailure?.(error);
  }

  #retryIn(delayMs: number): void {
    clearTimeout(this.#retryTimer);
    if (this.#abort.signal.aborted) return;
    this.#retryTimer = setTimeout(() => this.enqueue(), delayMs);
  }

  #onSessionEnd(end: SessionEnd): void {
    if (end.why === "taken") this.#halt(end.error);
    else this.enqueue();
  }

  #halt(cause: Error | undefined): void {
    const error = isKinsyncError(cause)
      ? cause
      : new KinsyncError("KINSYNC_TARGET_TAKEN", `${this.#options.name}: another kinsync now writes this container`, {
          cause,
        });
    this.#blocked = "for-good";
    this.#set("halted", error.message, error);
    this.#options.listener.onFailure?.(error);
  }

  #set(status: TargetStatus, reason: string, error?: KinsyncError): void {
    if (status === this.#status && reason === this.#reason && error === undefined) return;
    this.#status = status;
    this.#reason = reason;
    this.#options.listener.onStatus(status, reason, error);
    this.#options.listener.onChange();
  }

  #firstMapping(): ResolvedMapping {
    const [first] = this.#desired.mappings;
    if (first === undefined) throw new KinsyncError("KINSYNC_INTERNAL", `${this.#options.name} has no mapping`);
    return first;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#retryTimer);
    this.#wake.resolve();
    await this.#channels.close();
    await Promise.allSettled([this.#finished, this.#actions[Symbol.asyncDispose]()]);
    await this.#channels[Symbol.asyncDispose]();
  }
}
