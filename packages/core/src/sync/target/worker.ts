// One state machine, in more than 300 lines because its fields change together.
import type { SessionEnd } from "../../contract/session.ts";
import { asKinsyncError, isKinsyncError, isSourceError, type KinsyncError } from "../../errors/error.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import { isSameList } from "../../mapping/tree.ts";
import { Backoff } from "../../time/backoff.ts";
import { LARGE_FILE_BYTES } from "../plan/division.ts";
import { TargetActions } from "../actions/target-actions.ts";
import { Ahead, isSameCandidate, type PreparedCandidate } from "./ahead.ts";
import { Beside } from "./beside.ts";
import { Channels, type Channel, type ChannelOwner } from "./channels.ts";
import { conclude } from "./conclusion.ts";
import { foremost, haltedDeletes } from "./deletes.ts";
import { firstMapping, type DesiredRoot, type DesiredState } from "./desired-state.ts";
import { takenOver } from "./first-contact.ts";
import { Followers } from "./follow.ts";
import { isSuspicious, LargeFiles } from "./large-files.ts";
import { largeRoots } from "./large-roots.ts";
import { TargetNotes } from "./notes.ts";
import { Ownership } from "./ownership.ts";
import { RootDelivery, type DeliveryContext } from "./root-delivery.ts";
import { entriesOf, shortList, type ShortList } from "./short-list.ts";
import type { TargetStatus } from "./status.ts";
import { hasStoppable, UnderWay } from "./under-way.ts";
import { Visibility } from "./visibility.ts";
import type { WorkerOptions } from "./worker-options.ts";

/** Made once: the trace of an error costs more than all else that ends a target. */
const ENDED = new DOMException("the target has ended", "AbortError");
const NONE: readonly never[] = Object.freeze([]);
const RETRY_MS = { min: 250, max: 30_000 };
/** A right is not granted within seconds. */
const SLOW_RETRY_MS = 15_000;
/** The longest delay that an error may impose with `retryAfter`. */
const RETRY_AFTER_MS = 60_000;

/** What few targets need. Each part is made when it is needed. */
interface RareParts {
  backoff?: Backoff;
  /** Of a transport that hands files over before they are visible. */
  visibility?: Visibility;
  /** Of roots that share their files with another target. */
  followers?: Followers;
  /** Once another run was met. */
  ownership?: Ownership;
  /** Of roots with a session of their own. */
  beside?: Beside;
  /** Large files, which other files overtake. */
  large?: LargeFiles;
  /** Once a large file was sent. */
  underWay?: UnderWay;
  /** Of a target in which something cannot be set. */
  notes?: TargetNotes;
  /** Of a target of a gang, while there is a candidate. */
  ahead?: Ahead | undefined;
  /** The commands that follow changes. */
  actions?: TargetActions;
  retryTimer?: NodeJS.Timeout;
  /** No attempt is made until the desired state has another key; permanent where another run owns the target. */
  blocked?: { readonly key: string } | "for-good" | undefined;
  /** A marker is due that names other commands as owed. */
  isRecording?: boolean;
}

/** One pass. */
interface Attempt {
  /** The mapping whose session a failure makes unreliable; `undefined`: not known. */
  suspect: ResolvedMapping | undefined;
  /** Of roots that need the user, or another snapshot: they do not block the others. */
  readonly failures: KinsyncError[];
  /** Starts the deliveries of large files. */
  readonly large: (() => void)[];
}

/**
 * Makes one target hold its desired state. Each pass compares the observed state (ledgers) with the desired one and delivers the
 * difference: a late pod, a restarted container, a failed batch and ten saves during one transfer all take this path.
 */
export class Worker implements AsyncDisposable, ChannelOwner {
  readonly #options: WorkerOptions;
  readonly #channels: Channels;
  /** When the worker began, or took the target back. */
  #startedAt = wholeMilliseconds();
  // What a target at rest does not need is made when it is needed: there may be thousands of targets.
  #abort: AbortController | undefined;
  #rare: RareParts | undefined;
  /** Ends when no pass is due; `undefined` at rest. */
  #passes: Promise<void> | undefined;
  #desired: DesiredState;
  /** Key of what the last pass compared with. */
  #tried = "";
  #snapshot: number | undefined;
  #status: TargetStatus = "waiting";
  #reason = "";
  #dirty = true;
  #isOver = false;
  /** Mappings whose roots the open sessions may own. */
  #led: ShortList<string> = NONE;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#desired = options.desired;
    this.#replaceCandidate(options.candidate);
    this.#channels = new Channels(options, this);
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
    const isWaitingForOthers = this.#rare?.ahead?.isPrepared === true;
    const isAtWork =
      (this.#status === "syncing" && !isWaitingForOthers) ||
      this.#status === "waiting" ||
      this.#rare?.visibility?.isPending === true;
    if (this.#rare?.isRecording === true || this.#isDeliveringBeside || this.#rare?.followers?.isWaiting === true)
      return false;
    return !isAtWork && !this.#dirty && (this.actions?.pending ?? 0) === 0;
  }

  /** How far the target is with the candidate; `undefined` where there is none. */
  get preparation(): PreparedCandidate | undefined {
    return this.#rare?.ahead?.preparation;
  }

  /** Another run of kinsync owns the target: no attempt is repeated until it has left it, or until `reclaim`. */
  get isTaken(): boolean {
    return this.#rare?.blocked === "for-good";
  }

  /** ISO 8601: when the run began that owns the target, if another one does and it is known. */
  get takenSince(): string | undefined {
    return this.#rare?.ownership?.takenSince;
  }

  /** The target is this run's again. */
  reclaim(): void {
    if (!this.isTaken) return;
    this.#rare?.ownership?.regained();
    this.#startedAt = wholeMilliseconds();
    this.#unblock();
    void this.#stopBeside(ENDED);
    // A session writes the start of the run into its markers, and that is another one now.
    void this.#channels.close();
    this.#set("waiting", "connecting");
    this.enqueue();
  }

  /** Gives back the roots that this run took from another one. */
  async giveBack(signal: AbortSignal): Promise<void> {
    const { borrowed } = this.#options.claimed;
    const isOwed = this.#desired.roots.some(({ mapping }) => borrowed.has(mapping.id));
    if (!this.isTaken && isOwed) await this.#owner.giveBack(signal);
  }

  /** For what runs now: aborts when the target ends. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isOver) this.#abort.abort(ENDED);
    return this.#abort.signal;
  }

  /** Compares again. */
  enqueue(): void {
    this.#dirty = true;
    this.#run();
    this.#options.listener.onChange();
  }

  /** What the marker of a root should owe differs: the next pass writes it. */
  recordOwed(): void {
    this.#parts.isRecording = true;
    this.enqueue();
  }

  /**
   * Pushes another desired state.
   * @param candidate a snapshot to prepare, so that it can be committed at once when it becomes the desired state. Default: none
   */
  update(desired: DesiredState, candidate?: DesiredState): void {
    const isPrepared = isSameCandidate(this.#rare?.ahead?.candidate, candidate);
    if (desired === this.#desired && isPrepared) return;
    this.#desired = desired;
    this.#rare?.underWay?.stopOutdated(desired);
    if (!isPrepared) this.#replaceCandidate(candidate);
    this.enqueue();
  }

  #replaceCandidate(candidate: DesiredState | undefined): void {
    if (candidate !== undefined) this.#parts.ahead ??= new Ahead();
    this.#rare?.ahead?.replace(candidate, this.#desired);
  }

  /** Starts the commands that waited for other targets. */
  startActions(): void {
    if (this.actions !== undefined || this.#options.turns !== undefined) this.enqueue();
  }

  /** Another target changed these paths, which this one shares. Relative to `from`; they count for the commands of `run`. */
  noteChanged(mapping: string, paths: readonly string[]): void {
    this.#commands.noteChanged(mapping, paths);
  }

  /** The commands that follow changes; `undefined` while there was none. */
  get actions(): TargetActions | undefined {
    return this.#rare?.actions;
  }

  /** Retries at once what failed or waits for its next attempt, commands included. */
  retryNow(): void {
    if (!this.isTaken) {
      this.#unblock();
      this.actions?.retry();
    }
    this.#rare?.backoff?.reset();
    this.enqueue();
  }

  /** Runs passes while one is due, unless they are running. */
  #run(): void {
    // Nothing is reported before the caller, such as the constructor, has returned.
    this.#passes ??= Promise.resolve()
      .then(() => this.#loop())
      .finally(() => {
        this.#passes = undefined;
        if (this.#dirty && !this.#isOver) this.#run();
        // Commands that run keep theirs, and so do deliveries.
        else if ((this.actions?.pending ?? 0) === 0 && !this.#isDeliveringBeside && this.#rare?.ahead === undefined)
          this.#abort = undefined;
      });
  }

  async #loop(): Promise<void> {
    while (this.#dirty && !this.#isOver) {
      this.#dirty = false;
      if (this.#isBlocked()) {
        this.#recorded();
        this.#rare?.beside?.forgetFailures();
        this.#rare?.large?.forgetFailures();
        this.#rare?.ahead?.failed();
        this.#options.listener.onChange();
        continue;
      }
      this.#unblock();
      this.#tried = this.#key;
      const attempt: Attempt = { suspect: undefined, failures: [], large: [] };
      try {
        clearTimeout(this.#rare?.retryTimer);
        await this.#pass(attempt, this.signal);
        // What has begun has not succeeded yet.
        if (!this.#isDeliveringBeside) this.#rare?.backoff?.reset();
      } catch (error) {
        if (this.#isOver) return;
        await this.#failed(error, attempt.suspect);
      } finally {
        if (!this.#dirty) this.#recorded();
      }
      this.#options.listener.onChange();
    }
  }

  #isBlocked(): boolean {
    const blocked = this.#rare?.blocked;
    if (blocked === undefined) return false;
    return blocked === "for-good" || blocked.key === this.#key;
  }

  #unblock(): void {
    if (this.#rare !== undefined) this.#rare.blocked = undefined;
  }

  /** The markers say what is owed, or cannot be written now. */
  #recorded(): void {
    if (this.#rare !== undefined) this.#rare.isRecording = false;
  }

  /** Equal keys mean the same bytes at the same paths, now and of the candidate. */
  get #key(): string {
    const candidate = this.#rare?.ahead?.candidate;
    return candidate === undefined
      ? this.#desired.key
      : `${this.#desired.key}\n${candidate.snapshot}\n${candidate.key}`;
  }

  /** One comparison of everything. */
  async #pass(attempt: Attempt, signal: AbortSignal): Promise<void> {
    if (this.#status === "waiting") this.#set("waiting", "connecting");
    this.#separate(this.#desired);
    const broken = this.#rare?.large?.takeSessionFailure(this.#desired.roots);
    if (broken !== undefined) {
      attempt.suspect = broken.root.mapping;
      throw broken.error;
    }
    if (this.#desired.mappings.length > 0 && !this.#channels.isOpen) {
      await this.#channels.get(firstMapping(this.#desired));
    }
    // Read after the connection: the session's facts may have changed it.
    const desired = this.#desired;
    this.#tried = this.#key;
    this.#separate(desired);
    const ahead = this.#rare?.ahead;
    const candidate = ahead?.candidate;
    if (ahead !== undefined) {
      if (candidate !== undefined) this.#separate(candidate);
      await ahead.settle(desired, (mapping) => this.#channels.peek(mapping));
    }
    if (desired.conflict !== undefined) throw desired.conflict;
    if (
      desired.roots.some(({ follows, mapping }) => follows !== undefined && entriesOf(this.#led).includes(mapping.id))
    ) {
      // These sessions own what this target wrote before. The commits of the target that writes it now would end them later.
      await this.#stopBeside(ENDED);
      await this.#channels.close();
      this.#led = NONE;
    }
    // Also a root whose own session could not be opened, as long as its delivery runs: two of one root never run at a time.
    const isBeside = (root: DesiredRoot): boolean =>
      root.follows === undefined &&
      (this.#channels.isApart(root.mapping) || this.#rare?.beside?.isRunningTo(root) === true);
    for (const root of [
      ...desired.roots.filter((each) => !isBeside(each)),
      ...desired.roots.filter((each) => isBeside(each)),
    ]) {
      await this.#work(attempt, root, async () => {
        if (isBeside(root)) {
          this.#bringBeside(root, desired, signal);
          return;
        }
        const channel = await this.#channels.get(root.mapping);
        if (root.follows === undefined) {
          this.#begin(root, desired, channel);
          await this.#bring(channel, root, desired, { signal, startLarge: (start) => attempt.large.push(start) });
        } else {
          const again = await this.#following.check(root, channel.session, { snapshot: desired.snapshot, signal });
          if (again !== undefined) this.#retryIn(again);
          if (this.#options.capabilities(root.mapping).acknowledges === "accepted") this.#watchView(root, channel);
        }
      });
    }
    // Not before: what another root needs of their session first, such as a claim, would wait for them.
    for (const start of attempt.large) start();
    // Another candidate is prepared by the next pass, which drops what is staged of this one.
    if (candidate !== undefined && candidate === ahead?.candidate && !this.#isDeliveringBeside) {
      await this.#prepareAhead(attempt, ahead, signal);
    }
    const failure = foremost(attempt.failures);
    if (failure !== undefined) throw failure;
    attempt.suspect = undefined;
    // The end of each of these enqueues another pass.
    if (this.#isDeliveringBeside) return;
    // A state that was pushed meanwhile has set `dirty`; the next pass uses it.
    if (desired !== this.#desired || candidate !== this.#rare?.ahead?.candidate) return;
    if (candidate !== undefined) this.#rare?.ahead?.prepared();
    else if (ahead?.isEmpty === true) this.#parts.ahead = undefined;
    const { status, reason, error, holds } = conclude(desired, {
      candidate,
      pending: this.#rare?.followers?.pending(desired),
      notVisible: this.#rare?.visibility?.reasonAgainst(desired.roots),
    });
    if (holds) this.#snapshot = desired.snapshot;
    if (status !== this.#status || reason !== this.#reason) this.#set(status, reason, error);
    if (!holds) return;
    // While others of a gang commit, this target waits with what depends on them.
    if (!this.#options.mayAct()) return;
    const commands = this.#options.wrapped === undefined ? this.actions : this.#commands;
    const [mapping] = desired.mappings;
    commands?.run(desired.snapshot, mapping && this.#channels.peek(mapping)?.session.facts.incarnation);
    this.#options.listener.onLanded(desired.snapshot);
  }

  /** Works on one root. A mapping that needs the user does not block the other mappings, nor does a local file that changed block a candidate. */
  async #work(attempt: Attempt, root: DesiredRoot, work: () => Promise<void>): Promise<void> {
    try {
      attempt.suspect = root.mapping;
      if (root.refused !== undefined) throw root.refused;
      await work();
    } catch (error) {
      const isOwn = isKinsyncError(error) && error.retry === "terminal" && error.code !== "KINSYNC_TARGET_TAKEN";
      if (!isOwn && !(isSourceError(error) && this.#rare?.ahead?.candidate !== undefined)) throw error;
      attempt.failures.push(error as KinsyncError);
      const deletes = haltedDeletes(error);
      if (deletes !== undefined) this.#options.listener.onDeletes(root, error as KinsyncError, deletes);
    }
  }

  /** Stages what the candidate changes, all roots of it, and commits nothing. */
  async #prepareAhead(attempt: Attempt, ahead: Ahead, signal: AbortSignal): Promise<void> {
    await ahead.prepare(
      async (root, snapshot) => {
        const channel = await this.#channels.get(root.mapping);
        if (this.#isHeld(root, channel)) return undefined;
        this.#set("syncing", `preparing snapshot ${snapshot}`);
        return RootDelivery.prepare(this.#context(root), { channel, root, snapshot, isAhead: true, signal });
      },
      (root, work) => this.#work(attempt, root, work),
    );
  }

  #separate({ roots }: DesiredState): void {
    for (const { mapping } of largeRoots(roots, this.#options.largeRootBytes)) this.#channels.setApart(mapping);
  }

  get #parts(): RareParts {
    return (this.#rare ??= {});
  }

  get #isDeliveringBeside(): boolean {
    return this.#rare?.beside?.isRunning === true || this.#rare?.large?.isRunning === true;
  }

  /**
   * Starts to make a root hold its desired tree through its own session.
   * @throws the failure of the last attempt
   */
  #bringBeside(root: DesiredRoot, desired: DesiredState, signal: AbortSignal): void {
    const failure = this.#rare?.beside?.takeFailure(root);
    if (failure !== undefined) throw failure;
    const open = this.#channels.peek(root.mapping);
    if (this.#isHeld(root, open) || this.#rare?.large?.isAwaited(root) === true) return;
    // Now: a failure of another root may set the status before the session is open.
    this.#begin(root, desired, open);
    this.#parts.beside ??= new Beside(() => {
      if (!this.#isOver) this.enqueue();
    });
    const deliver = async (until: AbortSignal): Promise<void> => {
      try {
        const channel = await this.#channels.get(root.mapping);
        until.throwIfAborted();
        // Its large files may arrive after this delivery has ended.
        await this.#bring(channel, root, desired, { signal: until, startLarge: (start) => start() });
      } catch (error) {
        if (isSuspicious(error)) await this.#channels.closeOf(root.mapping);
        throw error;
      }
    };
    this.#parts.beside.start(root, deliver, signal);
  }

  #begin(root: DesiredRoot, { snapshot }: DesiredState, channel: Channel | undefined): void {
    const isHeld = channel?.ledgers.get(root.mapping.id)?.tree?.digest === root.tree.digest;
    if (!isHeld) this.#set("syncing", `to snapshot ${snapshot}`);
  }

  /** Nothing is to be sent or recorded. */
  #isHeld(root: DesiredRoot, channel: Channel | undefined): boolean {
    if (this.#rare?.ahead?.has(root) === true) return false;
    const known = channel?.ledgers.get(root.mapping.id);
    return known?.tree?.digest === root.tree.digest && isSameList(known.owed, this.#options.owed(root));
  }

  /** Makes one mapped root hold its desired tree. */
  async #bring(
    channel: Channel,
    root: DesiredRoot,
    desired: DesiredState,
    { signal, startLarge }: { readonly signal: AbortSignal; readonly startLarge: (start: () => void) => void },
  ): Promise<void> {
    const large = this.#rare?.large;
    if (this.#isHeld(root, channel)) {
      await large?.stopOutdated(root);
      return;
    }
    const { id } = root.mapping;
    // Its claim removes what is staged.
    if (channel.ledgers.get(id) === undefined) await large?.stopOutdated(root);
    const { snapshot } = desired;
    const { listener } = this.#options;
    const staged = this.#rare?.ahead?.take(root, snapshot);
    // It is based on what the root held before this delivery.
    if (staged === undefined) await this.#rare?.ahead?.drop(id);
    await using delivery =
      staged ??
      (await RootDelivery.prepare(this.#context(root), {
        channel,
        root,
        snapshot,
        isAhead: false,
        largeFileBytes: this.#largeFileBytes(root),
        signal,
      }));
    await large?.stopOutdated(root, delivery);
    using _underWay = hasStoppable(delivery)
      ? (this.#parts.underWay ??= new UnderWay()).begin(root, delivery)
      : undefined;
    // The state that was pushed while the delivery was planned.
    if (desired !== this.#desired) this.#rare?.underWay?.stopOutdated(this.#desired);
    const delivered = await delivery.commit();
    if (delivery.isFirst) large?.forgetParts(root);
    const part = { stats: delivered.stats, changed: delivery.changed };
    if (delivery.later.length > 0) {
      const failure = large?.takeFailure(root);
      this.#largeFiles.addPart(root, part);
      this.#largeFiles.onlyLargeLeft(root);
      if (failure !== undefined) throw failure;
      startLarge(() => this.#startLarge(channel, root, snapshot, delivery));
      return;
    }
    if (delivery.wasHeld && delivery.entries.length === 0) return;
    const since = Math.max(root.settledAt, delivery.isFirst ? this.#startedAt : 0);
    if (delivered.seen === undefined) {
      if (this.#options.capabilities(root.mapping).acknowledges === "accepted" && delivery.entries.length > 0)
        this.#handedOver.addUnreported(id);
    } else this.#waitUntilSeen(id, delivered.seen);
    const { stats, changed } = large?.takeParts(root, part) ?? part;
    listener.onSynced(root, snapshot, stats, performance.now() - since);
    if (root.place !== undefined) this.#following.delivered(root);
    listener.onDelivered(root, changed);
  }

  /** Bytes from which a file is left for `#startLarge`; `undefined`: the root gets a snapshot in one commit. */
  #largeFileBytes({ mapping }: DesiredRoot): number | undefined {
    const { isGang = false, largeFileBytes = LARGE_FILE_BYTES } = this.#options;
    return isGang || !this.#options.capabilities(mapping).overtaking ? undefined : largeFileBytes;
  }

  get #largeFiles(): LargeFiles {
    return (this.#parts.large ??= new LargeFiles(() => {
      if (!this.#isOver) this.enqueue();
    }));
  }

  /** Starts to deliver what a delivery left for later. The pass that follows its end records that the root holds the tree. */
  #startLarge(channel: Channel, root: DesiredRoot, snapshot: number, delivery: RootDelivery): void {
    const ledger = channel.ledgers.get(root.mapping.id);
    const isCurrent = (): boolean => channel.ledgers.get(root.mapping.id) === ledger;
    // The end of its session leads to another pass.
    if (ledger === undefined || this.#channels.peek(root.mapping) !== channel) return;
    const deliver = async (signal: AbortSignal): Promise<void> => {
      try {
        const options = { channel, root, snapshot, isAhead: false, large: delivery.later, signal };
        await using large = await RootDelivery.prepare(this.#context(root), options);
        using _underWay = (this.#parts.underWay ??= new UnderWay()).begin(root, large);
        await large.staged();
        signal.throwIfAborted();
        if (!isCurrent()) return;
        const { stats } = await large.commit();
        this.#largeFiles.addPart(root, { stats, changed: large.changed });
      } catch (error) {
        if (!signal.aborted && isSuspicious(error)) await this.#channels.closeOf(root.mapping);
        throw error;
      }
    };
    this.#largeFiles.start(root, delivery, deliver, this.signal);
  }

  async #stopBeside(reason: Error): Promise<void> {
    await Promise.all([this.#rare?.beside?.stop(reason), this.#rare?.large?.stop(reason)]);
  }

  /** For the delivery of a root, which this target writes from now on. */
  #context({ mapping: { id } }: DesiredRoot): DeliveryContext {
    if (!entriesOf(this.#led).includes(id)) this.#led = shortList([...entriesOf(this.#led), id]);
    return {
      options: this.#options,
      notes: this.#rare?.notes ?? new TargetNotes(this.#options.listener, (notes) => (this.#parts.notes = notes)),
      onTakeOver: (mapping) => this.#owner.tookOver(mapping),
      noteOwed: (mapping, paths) => this.#commands.noteOwed(mapping, paths),
      noteChanged: (mapping, paths) => this.noteChanged(mapping, paths),
    };
  }

  /** Made when something changed. */
  get #commands(): TargetActions {
    return (this.#parts.actions ??= new TargetActions(
      this.#options,
      async () => (await this.#channels.get(firstMapping(this.#desired))).session,
      () => this.signal,
    ));
  }

  /** Made when another run is met. */
  get #owner(): Ownership {
    return (this.#parts.ownership ??= new Ownership({
      channels: this.#channels,
      runId: this.#options.claimant.runId,
      roots: () => this.#desired.roots,
      borrowed: this.#options.claimed.borrowed,
      onReleased: () => this.#options.listener.onReleased(),
      signal: () => this.signal,
    }));
  }

  /** Made when a root shares its files. */
  get #following(): Followers {
    const { claimant, listener } = this.#options;
    return (this.#parts.followers ??= new Followers(claimant.runId, listener, this.#startedAt));
  }

  /** Another target handed over the files of a root: a pass sets the status when they are visible here. */
  #watchView(root: DesiredRoot, { session }: Channel): void {
    this.#following.watchView(
      root,
      session,
      {
        onSeen: () => {
          if (!this.#isOver) this.enqueue();
        },
        onFailed: async (error) => {
          if (this.#isOver) return;
          await this.#failed(error);
          this.#options.listener.onChange();
        },
      },
      { signal: this.signal },
    );
  }

  /** Made when a transport hands over files before they are visible. */
  get #handedOver(): Visibility {
    return (this.#parts.visibility ??= new Visibility());
  }

  /** Once the last root is visible, a pass sets the status. A root that cannot become visible is a failure of its delivery. */
  #waitUntilSeen(id: string, seen: Promise<void>): void {
    this.#handedOver.wait(id, seen, {
      onFailed: async (error) => {
        if (!this.#isOver) await this.#failed(error);
      },
      onSettled: () => {
        if (!this.#isOver) this.enqueue();
      },
    });
  }

  /** @param suspect the mapping whose session the failure makes unreliable. Default: all sessions are */
  async #failed(thrown: unknown, suspect?: ResolvedMapping): Promise<void> {
    // The pass that was cut off when another run took the target.
    if (this.isTaken) return;
    this.#rare?.ahead?.failed();
    const error = asKinsyncError(thrown, `${this.#options.name}: something failed inside kinsync`, { retry: "retry" });
    if (error.code === "KINSYNC_TARGET_TAKEN") {
      this.#halt(error);
      return;
    }
    if (error.retry === "terminal") {
      this.#parts.blocked = { key: this.#tried };
      this.#set(error.code === "KINSYNC_TARGET_DELETES" ? "halted" : "failed", error.message, error);
      this.#options.listener.onFailure(error);
      return;
    }
    const backoff = (this.#parts.backoff ??= new Backoff(this.#options.retry ?? RETRY_MS));
    const { retryAfter } = error.details;
    const asked = typeof retryAfter === "number" ? Math.min(retryAfter, RETRY_AFTER_MS) : 0;
    const slow = error.code === "KINSYNC_CLUSTER_FORBIDDEN" ? SLOW_RETRY_MS : 0;
    const delay = Math.max(backoff.next(), asked, slow);
    if (error.code === "KINSYNC_SOURCE_CHANGED") {
      // This ends only the delivery, not the session: the next snapshot is on its way.
      this.#set("syncing", "a local file changed while it was sent; waiting for it to settle");
    } else {
      // The state of a failed session is not reliable: the next attempt opens another. A local failure does not affect the session.
      if (!isSourceError(error)) {
        // They end with their session: this is not a failure of their own.
        const session = suspect && this.#channels.peek(suspect);
        void this.#rare?.large?.stop(
          ENDED,
          (mapping) => session === undefined || this.#channels.peek(mapping) === session,
        );
        await (suspect === undefined ? this.#channels.close() : this.#channels.closeOf(suspect));
      }
      if (error.retry === "gone") {
        this.#set("waiting", error.message);
      } else {
        this.#set("stale", error.message, error);
        this.#options.listener.onRetry(error, delay);
      }
    }
    this.#retryIn(delay);
    // The end of the session, which caused this failure, has set `dirty`; only another desired state needs another pass.
    this.#dirty = this.#key !== this.#tried;
    this.#options.listener.onFailure(error);
  }

  #retryIn(delayMs: number): void {
    clearTimeout(this.#rare?.retryTimer);
    if (this.#isOver) return;
    this.#parts.retryTimer = setTimeout(() => this.enqueue(), delayMs);
  }

  onSessionEnd(end: SessionEnd): void {
    if (this.#isOver) return;
    this.#rare?.ahead?.revoke();
    if (end.why === "taken") this.#halt(end.error);
    // The failure of a delivery by this session decides when the next attempt is due.
    else if (this.#rare?.large?.isRunning === true) setImmediate(() => this.enqueue());
    else this.enqueue();
  }

  #halt(cause: Error | undefined): void {
    const error = isKinsyncError(cause) ? cause : takenOver(this.#options.name, cause);
    this.#parts.blocked = "for-good";
    this.#rare?.ahead?.failed();
    void this.#stopBeside(error);
    this.#set("halted", error.message, error);
    this.#options.listener.onFailure(error);
    this.#owner.lost(error);
  }

  #set(status: TargetStatus, reason: string, error?: KinsyncError): void {
    if (status === this.#status && reason === this.#reason && error === undefined) return;
    this.#status = status;
    this.#reason = reason;
    this.#options.listener.onStatus(status, reason, error);
    this.#options.listener.onChange();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#abort?.abort(ENDED);
    clearTimeout(this.#rare?.retryTimer);
    this.#rare?.ownership?.[Symbol.dispose]();
    await this.#channels.close();
    await Promise.allSettled([this.#passes, this.#stopBeside(ENDED), this.actions?.[Symbol.asyncDispose]()]);
    await this.#rare?.ahead?.[Symbol.asyncDispose]();
    await this.#channels[Symbol.asyncDispose]();
  }
}

/** On the clock of `performance.now`. A whole number is stored in its field, and any other one beside it. */
function wholeMilliseconds(): number {
  return Math.floor(performance.now());
}
