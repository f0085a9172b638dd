import { basename } from "node:path";
import type { RunAction, RunResult } from "../../contract/action.ts";
import type { Target } from "../../contract/target.ts";
import type {
  Archive,
  Batch,
  BatchEntry,
  HostedSession,
  Inventory,
  Marker,
  RootSpec,
  Session,
} from "../../contract/transport.ts";
import { isKinsyncError, KinsyncError } from "../../errors/error.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import type { Tree } from "../../mapping/tree.ts";
import { actionsDue, commandText } from "../actions/due.ts";
import type { ArchivePool } from "../archive/archive-pool.ts";
import { Backoff } from "../../time/backoff.ts";
import { partsOf } from "../plan/batches.ts";
import { Ledger } from "../plan/ledger.ts";
import type { PlanConflict } from "../plan/plan.ts";
import type { TargetStatus } from "./status.ts";
import { StallWatch } from "./stall-watch.ts";

/** What should be in one root of one target, as of now. */
export interface Wanted {
  readonly tree: Tree;
  /** Number of the settled local state that brought this tree. */
  readonly snapshot: number;
  /** `performance.now()` of the moment when it settled. */
  readonly settledAt: number;
  readonly isExcluded: (path: string, isDirectory: boolean) => boolean;
}

/** One mapping as it lands in one target. */
export interface WorkerRoot {
  readonly mapping: ResolvedMapping;
  /** Known once `wanted` gives something. */
  readonly spec: RootSpec;
  /** `undefined` while there is nothing that may be sent: not scanned yet, or halted. */
  readonly wanted: () => Wanted | undefined;
}

/** What a worker tells. */
export interface WorkerListener {
  readonly onStatus: (status: TargetStatus, reason: string, error: KinsyncError | undefined) => void;
  readonly onSynced: (root: WorkerRoot, wanted: Wanted, done: Carried) => void;
  readonly onRetry: (error: KinsyncError, delay: number) => void;
  readonly onProgress: (root: WorkerRoot, sent: number, total: number) => void;
  readonly onRun: (action: RunAction, result: RunResult | KinsyncError) => void;
  /** The worker may have become idle. */
  readonly onQuiet: () => void;
}

/** What one way from one tree to the next carried. */
export interface Carried {
  readonly files: number;
  readonly deleted: number;
  readonly bytes: number;
  /** Milliseconds since the tree settled, or since the worker began where that was later. */
  readonly duration: number;
}

export interface WorkerOptions {
  readonly target: Target;
  readonly roots: readonly WorkerRoot[];
  readonly actions: readonly RunAction[];
  readonly archives: ArchivePool;
  /** Opens a session by the named transport. Called again after a session ended. */
  readonly open: (target: Target, transport: string, signal: AbortSignal) => Promise<HostedSession>;
  /** Id of this run of kinsync, and when it began: what decides between two runs that want one root. */
  readonly runId: string;
  readonly since: string;
  /** Take roots over whoever had them: the pod was there when this run began. Otherwise a later run keeps them. */
  readonly force: boolean;
  readonly listener: WorkerListener;
  /** Milliseconds between attempts. Default: 250 to 30,000. */
  readonly retry?: { readonly min: number; readonly max: number };
}

/** Bytes from which progress is told. */
const PROGRESS_FROM = 1024 * 1024;

interface Channel {
  readonly session: HostedSession;
  readonly ledgers: Map<string, Ledger>;
}

/**
 * Keeps one target in step. Every pass compares what the target holds with what the trees say now and carries the difference:
 * a late pod, a restarted container, a failed batch and ten saves during one transfer all take this one way.
 */
export class Worker implements AsyncDisposable {
  readonly target: Target;
  #roots: readonly WorkerRoot[];
  readonly #options: WorkerOptions;
  readonly #abort = new AbortController();
  readonly #channels = new Map<string, Channel>();
  /** Channels that are being opened: a pass and a command that need one at once share it. */
  readonly #opening = new Map<string, Promise<Channel>>();
  readonly #contacted = new Set<string>();
  readonly #backoff: Backoff;
  readonly #startedAt = performance.now();
  #status: TargetStatus = "waiting";
  #reason = "";
  #dirty = true;
  #passTrees = "";
  #wake = Promise.withResolvers<void>();
  #retryTimer: NodeJS.Timeout | undefined;
  /** Why nothing is tried any more until a tree changes; a halt is for good. */
  #blocked: { readonly trees: string; readonly halted: boolean } | undefined;
  #touched = new Set<string>();
  #runs: Promise<void> = Promise.resolve();
  #running = 0;
  readonly #finished: Promise<void>;

  constructor(options: WorkerOptions) {
    this.target = options.target;
    this.#roots = options.roots;
    this.#options = options;
    this.#backoff = new Backoff(options.retry ?? { min: 250, max: 30_000 });
    this.#finished = this.#loop();
  }

  get status(): TargetStatus {
    return this.#status;
  }

  get reason(): string {
    return this.#reason;
  }

  /** Nothing is being carried, run or waited for: the target is in step, or only the user or time can change anything. */
  get idle(): boolean {
    return this.#status !== "syncing" && this.#status !== "waiting" && !this.#dirty && this.#running === 0;
  }

  /** Something changed: look again. */
  poke(): void {
    this.#dirty = true;
    this.#wake.resolve();
  }

  /** The mappings of this target changed: a role's filter, another workload's end. */
  update(roots: readonly WorkerRoot[]): void {
    this.#roots = roots;
    this.poke();
  }

  async #loop(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      if (!this.#dirty) {
        // Made anew here and nowhere else: an old poke that was dealt with must not wake anybody.
        this.#wake = Promise.withResolvers<void>();
        await this.#wake.promise;
        continue;
      }
      this.#dirty = false;
      if (this.#blocked !== undefined) {
        if (this.#blocked.halted || this.#blocked.trees === this.#wantedTrees()) {
          // Whoever looked since it was poked has seen it busy.
          this.#options.listener.onQuiet();
          continue;
        }
        this.#blocked = undefined;
      }
      try {
        clearTimeout(this.#retryTimer);
        await this.#pass(signal);
        this.#backoff.reset();
      } catch (error) {
        if (signal.aborted) return;
        await this.#failed(error);
      }
      this.#options.listener.onQuiet();
    }
  }

  /** One look at everything. */
  async #pass(signal: AbortSignal): Promise<void> {
    const trees = this.#wantedTrees();
    this.#passTrees = trees;
    const failures: KinsyncError[] = [];
    for (const root of this.#roots) {
      const channel = await this.#channel(root.mapping.transport, signal);
      try {
        await this.#bring(channel, root, signal);
      } catch (error) {
        // One mapping that needs the user does not keep the others from their files.
        if (!isKinsyncError(error) || error.retry !== "terminal" || error.code === "KINSYNC_TARGET_TAKEN") throw error;
        failures.push(error);
      }
    }
    if (failures[0] !== undefined) throw failures[0];
    // A tree that settled meanwhile has poked; the next pass takes it.
    if (trees !== this.#wantedTrees()) return;
    if (this.#roots.every((root) => root.wanted() === undefined)) {
      this.#set("waiting", "there are no local files to send");
      return;
    }
    this.#set("synced", "holds the newest tree");
    this.#runActions();
  }

  async #channel(transport: string, signal: AbortSignal): Promise<Channel> {
    const open = this.#channels.get(transport);
    if (open !== undefined) return open;
    let opening = this.#opening.get(transport);
    if (opening === undefined) {
      opening = this.#openChannel(transport, signal).finally(() => this.#opening.delete(transport));
      this.#opening.set(transport, opening);
    }
    return opening;
  }

  async #openChannel(transport: string, signal: AbortSignal): Promise<Channel> {
    if (this.#status === "waiting") this.#set("waiting", "connecting");
    const session = await this.#options.open(this.target, transport, signal);
    const channel: Channel = { session, ledgers: new Map() };
    this.#channels.set(transport, channel);
    void session.ended.then((end) => {
      if (this.#channels.get(transport) === channel) this.#channels.delete(transport);
      if (signal.aborted || end.why === "closed") return;
      if (end.why === "taken") this.#halt(end.error);
      else this.poke();
    });
    return channel;
  }

  /** Brings one root to what is wanted of it, if anything is. */
  async #bring(channel: Channel, root: WorkerRoot, signal: AbortSignal): Promise<void> {
    const wanted = root.wanted();
    if (wanted === undefined) return;
    const { session } = channel;
    let ledger = channel.ledgers.get(root.mapping.id);
    const known = ledger !== undefined;
    if (ledger?.tree?.digest === wanted.tree.digest) return;
    this.#set("syncing", `to snapshot ${wanted.snapshot}`);
    if (ledger === undefined) {
      ledger = await this.#takeStock(session, root, wanted, signal);
      channel.ledgers.set(root.mapping.id, ledger);
    }
    const plan = ledger.plan(wanted.tree, { mirror: root.mapping.mirror, isExcluded: wanted.isExcluded });
    if (plan.conflicts.length > 0) throw conflictError(this.target, root, plan.conflicts);
    const began = Math.max(wanted.settledAt, known ? 0 : this.#startedAt);
    let bytes = 0;
    let files = 0;
    let deleted = 0;
    try {
      const parts = partsOf(plan.entries);
      for (const [index, entries] of parts.entries()) {
        const isLast = index === parts.length - 1;
        await this.#carry(session, root, wanted, ledger, entries, isLast, signal);
        if (!isLast) ledger.partlyCommitted(entries);
        else ledger.committed(wanted.tree, entries);
        for (const entry of entries) {
          if (entry.op === "delete") deleted += 1;
          else files += 1;
          if (entry.op === "file") bytes += entry.size;
          this.#touched.add(root.spec.shape === "file" ? basename(root.mapping.from) : entry.path);
        }
      }
    } catch (error) {
      // What is there now is not known: the next pass takes stock again.
      channel.ledgers.delete(root.mapping.id);
      throw await this.#namingTaker(session, root, error, signal);
    }
    this.#options.listener.onSynced(root, wanted, { files, deleted, bytes, duration: performance.now() - began });
  }

  /** First contact of a session with a root: claims it and learns what it holds. */
  async #takeStock(session: Session, root: WorkerRoot, wanted: Wanted, signal: AbortSignal): Promise<Ledger> {
    const id = root.mapping.id;
    const first = !this.#contacted.has(id);
    const paths = [...wanted.tree.entries.keys()];
    const list = root.mapping.mirror;
    const claim = { snapshot: wanted.snapshot, tree: "", signal };
    if (!(first && this.#options.force)) {
      // A later run of kinsync may have taken the root while this one was away; it keeps it.
      const { marker } = await session.inventory(root.spec, { paths: [], signal });
      if (marker !== undefined && marker.runId !== this.#options.runId && marker.since > this.#options.since) {
        throw this.#takenBy(root, marker);
      }
    }
    const initial = first ? root.mapping.initial : "verify";
    // Sent together: two answers for one round trip.
    const [, inventory] = await Promise.all([
      session.claim(root.spec, claim),
      initial === "trust" ? undefined : session.inventory(root.spec, { paths, list, signal }),
    ]);
    this.#contacted.add(id);
    if (inventory === undefined) return Ledger.trusting(wanted.tree);
    const whole = await this.#withPlaced(session, root, wanted, inventory, signal);
    return Ledger.fromInventory(whole, wanted.tree, { distrust: initial === "full" });
  }

  /** What an earlier run placed and the tree has no more is asked for, too: it has to go. */
  async #withPlaced(
    session: Session,
    root: WorkerRoot,
    wanted: Wanted,
    inventory: Inventory,
    signal: AbortSignal,
  ): Promise<Inventory> {
    const known = new Set(inventory.entries.map((entry) => entry.path));
    const paths = inventory.placed.filter((path) => !known.has(path) && !wanted.tree.entries.has(path));
    if (paths.length === 0 || root.mapping.mirror) return inventory;
    const { entries } = await session.inventory(root.spec, { paths, signal });
    return { ...inventory, entries: [...inventory.entries, ...entries.filter((entry) => !known.has(entry.path))] };
  }

  #takenBy(root: WorkerRoot, marker: Marker): KinsyncError {
    return new KinsyncError(
      "KINSYNC_TARGET_TAKEN",
      `${this.#name()}: ${root.mapping.to} was taken over by ${marker.owner}, who began at ${marker.since}`,
      { details: { runId: marker.runId, owner: marker.owner, since: marker.since } },
    );
  }

  /**
   * A commit was refused since the root is another's: finds out whose. It may be this very run's: what an agent had under way
   * when its connection was lost can come late, and is set right by a new session.
   */
  async #namingTaker(session: Session, root: WorkerRoot, error: unknown, signal: AbortSignal): Promise<unknown> {
    if (!isKinsyncError(error) || error.code !== "KINSYNC_TARGET_TAKEN") return error;
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(2_000)]);
      const { marker } = await session.inventory(root.spec, { paths: [], signal: limit });
      if (marker === undefined) return error;
      if (marker.runId !== this.#options.runId) return this.#takenBy(root, marker);
      return new KinsyncError("KINSYNC_TARGET_LOST", `${this.#name()}: an earlier session of this run came late`, {
        cause: error,
      });
    } catch {
      return error;
    }
  }

  async #carry(
    session: Session,
    root: WorkerRoot,
    wanted: Wanted,
    ledger: Ledger,
    entries: readonly BatchEntry[],
    isLast: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const sourceOf = (path: string): string => {
      const entry = wanted.tree.entries.get(path);
      return entry?.type === "file" ? entry.source : "";
    };
    using lease = await this.#options.archives.lease(entries, sourceOf);
    using stall = new StallWatch(signal, () => this.#name());
    const batch: Batch = {
      root: root.spec,
      snapshot: wanted.snapshot,
      tree: isLast ? wanted.tree.digest : "",
      entries,
      ...ledger.manifestChange(entries),
      archive: this.#counted(lease.archive, root, stall),
    };
    const stage = session.stage(batch, { signal: stall.signal });
    // `commit` rejects with the same failure.
    stage.ready.catch(() => {});
    await session.commit(stage, { signal: stall.signal });
  }

  /** The archive as this target reads it: tells progress, and keeps the stall watch quiet. */
  #counted(archive: Archive, root: WorkerRoot, stall: StallWatch): Archive {
    const tell = (sent: number): void => this.#options.listener.onProgress(root, sent, archive.size);
    return {
      size: archive.size,
      async *chunks(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
        let sent = 0;
        let told = performance.now();
        for await (const chunk of archive.chunks(signal)) {
          yield chunk;
          sent += chunk.length;
          stall.alive();
          if (archive.size < PROGRESS_FROM || performance.now() - told < 500) continue;
          told = performance.now();
          tell(sent);
        }
      },
    };
  }

  #runActions(): void {
    if (this.#touched.size === 0) return;
    const changed = this.#touched;
    this.#touched = new Set();
    for (const action of actionsDue(this.#options.actions, this.target.role, changed)) {
      this.#running += 1;
      this.#runs = this.#runs
        .then(() => this.#run(action))
        .finally(() => {
          this.#running -= 1;
          this.#options.listener.onQuiet();
        });
    }
  }

  async #run(action: RunAction): Promise<void> {
    const { signal } = this.#abort;
    if (signal.aborted) return;
    const transport = this.#roots[0]?.mapping.transport ?? "exec";
    try {
      const { session } = await this.#channel(transport, signal);
      const result = await session.run(action.command, { timeout: action.timeout ?? 60_000, signal });
      this.#options.listener.onRun(action, result);
    } catch (error) {
      if (signal.aborted) return;
      const what = `${this.#name()}: the command ${JSON.stringify(commandText(action.command))} could not be run`;
      this.#options.listener.onRun(action, asKinsyncError(error, what));
    }
  }

  async #failed(thrown: unknown): Promise<void> {
    const error = asKinsyncError(thrown, `${this.#name()}: something failed inside kinsync`);
    if (error.code === "KINSYNC_TARGET_TAKEN") {
      this.#halt(error);
      return;
    }
    if (error.retry === "terminal") {
      this.#blocked = { trees: this.#wantedTrees(), halted: false };
      this.#set("failed", error.message, error);
      return;
    }
    // What came through a session that failed is worth nothing: the next attempt opens another.
    await this.#closeChannels();
    const delay = this.#backoff.next();
    if (error.retry === "gone") {
      this.#set("waiting", error.message);
    } else {
      this.#set("stale", error.message, error);
      this.#options.listener.onRetry(error, delay);
    }
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.poke(), delay);
    // The end of the session has poked, which is what this failure was about; a new tree is another matter.
    this.#dirty = this.#passTrees !== this.#wantedTrees();
  }

  #halt(cause: Error | undefined): void {
    const error = isKinsyncError(cause)
      ? cause
      : new KinsyncError("KINSYNC_TARGET_TAKEN", `${this.#name()} was taken over by another kinsync`, { cause });
    this.#blocked = { trees: "", halted: true };
    this.#set("halted", error.message, error);
  }

  #set(status: TargetStatus, reason: string, error?: KinsyncError): void {
    if (status === this.#status && reason === this.#reason && error === undefined) return;
    this.#status = status;
    this.#reason = reason;
    this.#options.listener.onStatus(status, reason, error);
  }

  #wantedTrees(): string {
    return this.#roots.map((root) => `${root.mapping.id}=${root.wanted()?.tree.digest ?? ""}`).join("\n");
  }

  #name(): string {
    return `pod/${this.target.pod}, container ${this.target.container}`;
  }

  async #closeChannels(): Promise<void> {
    const channels = [...this.#channels.values()];
    this.#channels.clear();
    await Promise.allSettled(channels.map((channel) => channel.session[Symbol.asyncDispose]()));
  }

  /** Settles when every command that is due was run. */
  async settledRuns(): Promise<void> {
    await this.#runs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#retryTimer);
    this.poke();
    await this.#closeChannels();
    await Promise.allSettled([this.#finished, this.#runs]);
    // A session that was being opened while this was disposed of.
    await this.#closeChannels();
  }
}

function conflictError(target: Target, root: WorkerRoot, conflicts: readonly PlanConflict[]): KinsyncError {
  const [first] = conflicts;
  const more = conflicts.length > 1 ? ` (and ${conflicts.length - 1} more)` : "";
  const where = `${root.mapping.to}/${first?.path}`;
  return new KinsyncError(
    "KINSYNC_TARGET_FOREIGN",
    `pod/${target.pod}, container ${target.container}: ${where} is a ${first?.found} that kinsync did not place, and should become a ${first?.wanted}${more}`,
    { details: { paths: conflicts.slice(0, 20).map((conflict) => conflict.path) } },
  );
}

function asKinsyncError(error: unknown, what: string): KinsyncError {
  if (isKinsyncError(error)) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new KinsyncError("KINSYNC_INTERNAL", `${what}: ${why}`, { cause: error, retry: "retry" });
}
