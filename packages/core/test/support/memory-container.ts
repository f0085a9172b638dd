// In more than 300 lines: a container and its sessions change the same state.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { RunResult } from "../../src/contract/action.ts";
import type {
  Batch,
  HostedSession,
  Inventory,
  InventoryEntry,
  Receipt,
  ReceiptNote,
  RootSpec,
  Session,
  SessionEnd,
  SessionFacts,
  Stage,
} from "../../src/contract/transport.ts";
import { KinsyncError } from "../../src/errors/error.ts";
import { unpack } from "./unpack.ts";
import { MemoryStorage, type Image, type MemoryMount, type RootState } from "./memory-storage.ts";

export interface MemoryContainerOptions {
  /** Default: none. */
  readonly mounts?: readonly MemoryMount[];
  /** What its own layer holds at first. Default: nothing. */
  readonly image?: Image;
}

/** `receipt`: after a commit was applied, as where its acknowledgement is lost. */
type Operation = "open" | "claim" | "inventory" | "stage" | "commit" | "receipt" | "run";

/** A container in memory: what a worker can do to it, and the faults that it can meet. */
export class MemoryContainer {
  /** UID of the pod that it belongs to. */
  readonly uid: string;
  /** Its own layer. */
  readonly storage: MemoryStorage;
  readonly #mounts: readonly MemoryMount[];
  readonly log: string[] = [];
  /** Stages that began in this turn of the event loop. */
  readonly staged = new Set<Stage>();
  /** Commits that were requested in a later turn than their stage. */
  lateCommits = 0;
  sessions = 0;
  /** Every session that was opened. */
  readonly opened: MemorySession[] = [];
  /** Errors that the next calls of an operation throw, in order. */
  readonly faults = new Map<Operation, unknown[]>();
  runExitCode = 0;
  /** Exit codes by a part of the command, before `runExitCode`. */
  readonly exitCodes = new Map<string, number>();
  /** `kinsync wrapper` holds its process since it started. */
  isHeld = false;
  /** Questions whether it does, which no wrapper answers yet. */
  unanswered = 0;
  /** Commands wait for this. */
  runGate: Promise<void> = Promise.resolve();
  /** Called with each command that begins and ends, as text. `exitCode`: when it ends. */
  onCommand: (what: "begins" | "ends", command: string, exitCode?: number) => void = () => {};
  /** Keys of the commands with `once` that have succeeded in it. */
  readonly succeededOnce = new Set<string>();
  /** Called with each batch that a session begins to stage here, and with each that it applied. */
  onBatch: (what: "staged" | "applied", batch: Batch) => void = () => {};
  /** Called when a session opens. */
  onOpen: () => void = () => {};
  /** Called when a command starts. */
  onRun: () => void = () => {};
  /** Receipts say that this could not be set. */
  notes: readonly ReceiptNote[] = [];
  /** Receipts say that the files become visible with this. */
  becomesVisible: Promise<void> | undefined;
  /** What `seen` of its sessions returns. Default: the transport cannot report it. */
  view: () => Promise<boolean> = () => Promise.reject(new KinsyncError("KINSYNC_TRANSPORT_CANNOT", "no views"));
  /** Stages wait for this. */
  stageGate: Promise<void> = Promise.resolve();
  /** Stages in the background wait for this. */
  backgroundGate: Promise<void> = Promise.resolve();
  /** Why stages in the background fail. */
  failBackground: Error | undefined;
  /** Stages that were dropped. */
  discarded = 0;
  /** Commits wait for this. */
  gate: Promise<void> = Promise.resolve();
  /** Commits to single roots wait for these, by their key. */
  readonly gates = new Map<string, Promise<void>>();
  /** Commits that have waited at a gate of their own, by the key of their root. */
  readonly held: string[] = [];
  #current: MemorySession | undefined;

  constructor(uid = "u", { mounts = [], image = {} }: MemoryContainerOptions = {}) {
    this.uid = uid;
    this.#mounts = mounts;
    this.storage = new MemoryStorage(image);
  }

  get roots(): Map<string, RootState> {
    return this.storage.roots;
  }

  /** Where a mapped root lands. */
  storageOf({ path }: Pick<RootSpec, "path">): MemoryStorage {
    const mount = this.#mounts.find(({ at }) => path === at || path.startsWith(`${at}/`));
    return mount?.storage ?? this.storage;
  }

  root(key: string): RootState {
    return this.storage.root(key);
  }

  /** What `programs/request.sh` ends with when it is asked. */
  exitCodeOfHeld(): number {
    if (this.unanswered === 0) return this.isHeld ? 0 : 1;
    this.unanswered -= 1;
    return 2;
  }

  seen(key: string): Record<string, string> {
    return this.storage.seen(key);
  }

  put(key: string, path: string, content: string, mode?: number): void {
    this.storage.put(key, path, content, mode);
  }

  fault(operation: Operation): void {
    const error = this.faults.get(operation)?.shift();
    if (error !== undefined) throw error;
  }

  failNext(operation: Operation, ...errors: unknown[]): void {
    this.faults.set(operation, [...(this.faults.get(operation) ?? []), ...errors]);
  }

  async open(session: string, since = "2026-01-01T00:00:00.000Z", host?: string): Promise<HostedSession> {
    this.fault("open");
    this.sessions += 1;
    this.#current = new MemorySession(this, { session, since, host });
    this.opened.push(this.#current);
    this.onOpen();
    return this.#current;
  }

  /** The connection breaks; the content stays. */
  breakConnection(): void {
    for (const session of this.opened) session.end({ why: "lost" });
  }

  /** Sessions that neither side has ended. */
  get openSessions(): number {
    return this.opened.filter((session) => !session.isOver).length;
  }

  /** Another run claims every claimed root of its own layer. @returns their keys */
  takeOver(since: string): string[] {
    return this.storage.takeOver(since);
  }

  /** The container restarts: its layer is fresh. */
  restart(): void {
    this.roots.clear();
    this.#current?.end({ why: "lost" });
  }
}

/** Settles at the latest when the signal aborts. @throws the reason of the signal */
async function abortable(gate: Promise<void>, signal: AbortSignal): Promise<void> {
  const isOver = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => isOver.resolve(), { once: true });
  await Promise.race([gate, isOver.promise]);
  signal.throwIfAborted();
}

/** Milliseconds until a session finds out that another one owns its root. */
const PROOF_MS = 10_000;

export class MemorySession implements Session {
  readonly facts: SessionFacts;
  readonly ended: Promise<SessionEnd>;
  readonly #container: MemoryContainer;
  readonly #session: string;
  readonly #since: string;
  readonly #host: string | undefined;
  readonly #end = Promise.withResolvers<SessionEnd>();
  readonly #stages = new WeakMap<Stage, { batch: Batch; content: Promise<Map<string, Buffer>> }>();
  #over = false;
  #proof: NodeJS.Timeout | undefined;

  constructor(
    container: MemoryContainer,
    run: { readonly session: string; readonly since: string; readonly host: string | undefined },
  ) {
    this.facts = {
      agent: "memory",
      choice: { reason: "the only one", candidates: [] },
      incarnation: container.uid,
      workingDirectory: "/",
    };
    this.#container = container;
    this.#session = run.session;
    this.#since = run.since;
    this.#host = run.host;
    this.ended = this.#end.promise;
  }

  get isOver(): boolean {
    return this.#over;
  }

  end(end: SessionEnd): void {
    this.#over = true;
    clearTimeout(this.#proof);
    this.#end.resolve(end);
  }

  /** Another session claimed a root of this one, which finds out when it checks what it owns. */
  replaced(): void {
    if (this.#over) return;
    clearTimeout(this.#proof);
    this.#proof = setTimeout(() => this.end({ why: "lost" }), PROOF_MS);
  }

  #check(): void {
    if (this.#over) throw new KinsyncError("KINSYNC_TARGET_LOST", "the connection ended");
  }

  async inventory(spec: RootSpec, options: { paths: readonly string[]; list?: boolean }): Promise<Inventory> {
    this.#check();
    this.#container.fault("inventory");
    const storage = this.#container.storageOf(spec);
    storage.inventories += 1;
    const root = storage.root(spec.key);
    const asked = new Set(options.paths);
    storage.requested += asked.size;
    const entries = [...root.files.values()]
      .filter((node) => options.list === true || asked.has(node.path))
      .map((node): InventoryEntry => node);
    this.#container.log.push(`inventory ${spec.key}`);
    return {
      root: "directory",
      entries,
      placed: [...root.placed],
      isEmpty: root.files.size === 0 && root.mounts.length === 0,
      mounts: root.mounts,
      ...(root.marker === undefined ? {} : { marker: root.marker }),
    };
  }

  async claim(spec: RootSpec, options: { snapshot: number; tree: string; owed?: readonly string[] }): Promise<void> {
    this.#check();
    this.#container.fault("claim");
    const storage = this.#container.storageOf(spec);
    const root = storage.root(spec.key);
    storage.claims += 1;
    if (root.claimant !== this) root.claimant?.replaced();
    root.claimant = this;
    const origin =
      this.#host === undefined || spec.from === undefined ? {} : { origin: { host: this.#host, folder: spec.from } };
    root.marker = {
      ...origin,
      format: 1,
      runId: this.#session,
      owner: `owner of ${this.#session}`,
      since: this.#since,
      incarnation: this.facts.incarnation,
      snapshot: options.snapshot,
      tree: options.tree,
      ...(options.owed === undefined ? {} : { owed: options.owed }),
    };
  }

  stage(batch: Batch, options: { signal: AbortSignal }): Stage {
    this.#container.onBatch("staged", batch);
    const content = this.#unpack(batch, options.signal);
    content.catch(() => {});
    const stage = { ready: content.then(() => {}) };
    this.#stages.set(stage, { batch, content });
    this.#container.staged.add(stage);
    // Not by a timer that a test's virtual clock may hold.
    void nextTurn().then(() => this.#container.staged.delete(stage));
    return stage;
  }

  async #unpack(batch: Batch, signal: AbortSignal): Promise<Map<string, Buffer>> {
    const content = await unpack(batch, signal);
    await this.#container.stageGate;
    if (batch.background === true) {
      await Promise.race([abortable(this.#container.backgroundGate, signal), this.ended]);
      if (this.#container.failBackground !== undefined) throw this.#container.failBackground;
    }
    this.#check();
    this.#container.fault("stage");
    return content;
  }

  async commit(stage: Stage): Promise<Receipt> {
    const staged = this.#stages.get(stage);
    if (staged === undefined) throw new Error("unknown stage");
    if (!this.#container.staged.has(stage)) this.#container.lateCommits += 1;
    const content = await staged.content;
    await this.#container.gate;
    const { key } = staged.batch.root;
    const gate = this.#container.gates.get(key);
    if (gate !== undefined) this.#container.held.push(key);
    await gate;
    this.#check();
    this.#container.fault("commit");
    const { batch } = staged;
    const storage = this.#container.storageOf(batch.root);
    const root = storage.root(batch.root.key);
    if (root.marker?.runId !== this.#session || root.claimant !== this)
      throw new KinsyncError("KINSYNC_TARGET_TAKEN", "taken over");
    storage.apply(batch, content);
    this.#container.onBatch("applied", batch);
    this.#container.fault("receipt");
    this.#container.log.push(
      `commit ${batch.root.key} ${batch.entries.map((entry) => `${entry.op} ${entry.path}`).join(", ")}`,
    );
    const { becomesVisible: seen } = this.#container;
    const receipt = {
      snapshot: batch.snapshot,
      tree: batch.tree,
      count: batch.entries.length,
      notes: this.#container.notes,
    };
    return seen === undefined ? receipt : { ...receipt, seen };
  }

  seen = (): Promise<boolean> => this.#container.view();

  async discard(): Promise<void> {
    this.#container.discarded += 1;
  }

  async release(): Promise<void> {}

  async run(command: readonly string[] | string): Promise<RunResult> {
    this.#check();
    this.#container.onRun();
    const text = String(command);
    // As `programs/once.sh` does.
    const [, , , program, first = ""] = typeof command === "string" ? [] : command;
    if (program === "kinsync-held") return ended(this.#container.exitCodeOfHeld());
    const isOnce = program === "kinsync-once";
    if (isOnce && this.#container.succeededOnce.has(first)) return ended(0);
    this.#container.onCommand("begins", text);
    this.#container.fault("run");
    this.#container.log.push(`run ${text}`);
    await this.#container.runGate;
    this.#check();
    const [, chosen] = [...this.#container.exitCodes].find(([part]) => text.includes(part)) ?? [];
    const exitCode = chosen ?? this.#container.runExitCode;
    if (isOnce && exitCode === 0) this.#container.succeededOnce.add(first);
    if (program === "kinsync-restart" && first === "start" && exitCode === 0) this.#container.isHeld = false;
    this.#container.onCommand("ends", text, exitCode);
    return ended(exitCode);
  }

  async pull(): Promise<void> {
    throw new KinsyncError("KINSYNC_TRANSPORT_CANNOT", "the memory of a test is not pulled");
  }

  async ping(): Promise<number> {
    this.#check();
    return 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end({ why: "closed" });
  }
}

function ended(exitCode: number): RunResult {
  return { exitCode, why: "exited", output: "out", truncated: false, duration: 1 };
}
