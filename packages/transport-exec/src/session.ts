import { randomBytes } from "node:crypto";
import {
  KinsyncError,
  type Batch,
  type Inventory,
  type Marker,
  type OpenContext,
  type Receipt,
  type RootSpec,
  type RunResult,
  type Session,
  type SessionEnd,
  type SessionFacts,
  type Stage,
  type Target,
} from "@kinsync/core/contract";
import { errorOfAgent, lostError, nameOf, timeoutError, type Deed } from "./agent-error.ts";
import { AGENTS } from "./agents/tiers.ts";
import { isStaged, planCommit } from "./commit-plan.ts";
import type { CommitRequest, Depth, Dialect, Place, StageRequest } from "./dialect.ts";
import { plainText } from "./exec-status.ts";
import type { ExecEnd, ExecStream } from "./exec-stream.ts";
import { findGone } from "./identity.ts";
import { InventoryReader } from "./inventory-reader.ts";
import { journalLines } from "./manifest.ts";
import { PlacedTimes } from "./placed-times.ts";
import { contentOf, readFiles } from "./read-files.ts";
import { runInContainer } from "./run.ts";
import { sendSegments } from "./segments.ts";
import { StagedBatch } from "./staged-batch.ts";
import type { RunningAgent } from "./start-agent.ts";
import { Answers, unescapePath, type AgentFailure } from "./wire.ts";

/** Characters of a marker's part that changes: the largest snapshot, and a digest. */
const MARKER_REST = 104;
/** How much longer a container may be silent while it reads a tree or removes one. */
const SLOW = 3;
/** Milliseconds that the API server gets to say why a stream ended. */
const POST_MORTEM = 3_000;

export interface SessionTimes {
  /** Milliseconds without a sign of life while an answer is awaited; `SLOW` times as many for a look and for a claim. */
  readonly silence: number;
  /** Milliseconds of idleness until the agent is asked whether it lives. */
  readonly idle: number;
  /** Milliseconds for the answer to a ping. */
  readonly ping: number;
  /** Milliseconds to open another stream, for `run`. */
  readonly open: number;
  /** Milliseconds between pings of the WebSocket. */
  readonly socketPing: number;
}

/** A session over one open exec stream. Requests are written in order and answered in order. */
export class ExecSession implements Session {
  readonly facts: SessionFacts;
  readonly ended: Promise<SessionEnd>;
  readonly #agent: RunningAgent;
  readonly #stream: ExecStream;
  readonly #dialect: Dialect;
  readonly #target: Target;
  readonly #context: OpenContext;
  readonly #times: SessionTimes;
  readonly #answers = new Answers();
  readonly #end = Promise.withResolvers<SessionEnd>();
  readonly #closing = new AbortController();
  /** Roots that are this session's, by their key. */
  readonly #claimed = new Map<string, { readonly root: RootSpec; readonly place: Place }>();
  /** Where each root is, by its key; from its claim. */
  readonly #places = new Map<string, Promise<Place>>();
  /** What journals that grew long come to, by the root's key, for the next commit. */
  readonly #compacted = new Map<string, string>();
  /** Commits that were sent, by the root's key. */
  readonly #commits = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #writing: Promise<void> = Promise.resolve();
  #nextId = 1;
  #heard = performance.now();
  /**
   * Whose commits a root takes: those of one session, not of one run. An agent that lost its connection may carry out late what
   * it had under way, after the run's next session looked at what is there.
   */
  readonly #claim = randomBytes(9).toString("base64url");
  readonly #placed = new PlacedTimes();
  #why: { readonly why: SessionEnd["why"]; readonly error: KinsyncError } | undefined;

  constructor(agent: RunningAgent, target: Target, context: OpenContext, times: SessionTimes) {
    this.#agent = agent;
    this.#stream = agent.stream;
    this.#dialect = AGENTS[agent.hello.tier].dialect;
    this.#target = target;
    this.#context = context;
    this.#times = times;
    this.facts = {
      agent: agent.hello.tier,
      incarnation: agent.hello.incarnation,
      workingDirectory: agent.hello.workingDirectory,
    };
    this.ended = this.#end.promise;
    agent.receive(
      (line) => {
        this.#heard = performance.now();
        try {
          this.#answers.take(line);
        } catch (error) {
          this.#lose("lost", lostError(target, error instanceof Error ? error.message : String(error), error));
        }
      },
      (error) => this.#lose("lost", lostError(target, error instanceof Error ? error.message : String(error), error)),
    );
    void this.#stream.ended.then((end) => this.#streamEnded(end));
    this.#timer = setInterval(() => this.#watch(), Math.min(1_000, times.silence / 4, times.idle / 4));
    this.#timer.unref();
  }

  async inventory(
    root: RootSpec,
    options: { readonly paths: readonly string[]; readonly list?: boolean; readonly signal: AbortSignal },
  ): Promise<Inventory> {
    const { paths, list, signal } = options;
    const inventory = await this.#look(root, paths, list === true ? "list" : "paths", signal);
    if (list === true || inventory.root !== "directory") return inventory;
    // What was placed and is not wanted any more is about to be deleted: that it is there, and as what, is enough.
    const asked = new Set(paths);
    const others = inventory.placed.filter((path) => !asked.has(path));
    if (others.length === 0) return inventory;
    const rest = await this.#look(root, others, "types", signal);
    return { ...inventory, entries: [...inventory.entries, ...rest.entries] };
  }

  #look(root: RootSpec, paths: readonly string[], depth: Depth, signal: AbortSignal): Promise<Inventory> {
    const reader = new InventoryReader(paths, depth === "list", this.#dialect.rawNames);
    let isClaimed = false;
    let commits: number | undefined;
    return this.#ask({
      signal,
      isSlow: true,
      deed: this.#deed("look at", root),
      request: (id) => {
        isClaimed = this.#places.has(root.key);
        commits = this.#commits.get(root.key);
        return this.#dialect.inventory(id, root, reader.asked, depth);
      },
      onRecord: (line) => reader.take(line),
      onDone: () => {
        const inventory = reader.inventory();
        // Only the owner writes the journal, and a commit that was sent meanwhile may have added to it.
        const isWhole = isClaimed && inventory.marker?.runId === this.#context.runId;
        if (isWhole && reader.isJournalLong && commits === this.#commits.get(root.key)) {
          this.#compacted.set(root.key, `\n${journalLines("+", inventory.placed)}`);
        }
        return inventory;
      },
    });
  }

  async claim(
    root: RootSpec,
    options: { readonly snapshot: number; readonly tree: string; readonly signal: AbortSignal },
  ): Promise<void> {
    const place = { claim: 0, root: "", state: "", mounts: [] as string[] };
    const before = this.#places.get(root.key);
    const claimed = this.#ask<Place>({
      signal: options.signal,
      isSlow: true,
      deed: this.#deed("claim", root),
      request: (id) => {
        place.claim = id;
        const marker = this.#marker(options.snapshot, options.tree);
        return this.#dialect.claim(id, root, stageName(), marker);
      },
      onRecord: (line) => {
        if (line.startsWith("r d ")) place.root = this.#name(line.slice(4));
        else if (line.startsWith("k ")) place.state = this.#name(line.slice(2));
        else if (line.startsWith("M ")) place.mounts.push(this.#name(line.slice(2)));
      },
      onDone: () => {
        this.#placed.forget();
        if (place.root !== "" && place.state !== "") {
          // Also where the caller stopped waiting: the agent has carried it out.
          this.#claimed.set(root.key, { root, place });
          this.#places.set(root.key, Promise.resolve(place));
          return place;
        }
        throw new KinsyncError(
          "KINSYNC_INTERNAL",
          `${nameOf(this.#target)}: the agent did not say where ${root.path} is`,
        );
      },
    });
    // Batches that are sent at once wait for it.
    this.#places.set(root.key, claimed);
    try {
      await claimed;
    } catch (error) {
      if (this.#places.get(root.key) === claimed) {
        if (before === undefined) this.#places.delete(root.key);
        else this.#places.set(root.key, before);
      }
      throw error;
    }
  }

  stage(batch: Batch, options: { readonly signal: AbortSignal }): Stage {
    const id = this.#nextId++;
    const place: Place = { claim: 0, root: "", state: "", mounts: [] };
    let staged: StagedBatch;
    try {
      const request: StageRequest = {
        id,
        place,
        name: stageName(),
        plan: planCommit(batch),
        inPlace: batch.root.inPlace === true,
        placed: journalLines("+", batch.placed),
        unplaced: journalLines("-", batch.unplaced),
      };
      staged = new StagedBatch(batch, request);
    } catch (error) {
      staged = new StagedBatch(batch, {
        id,
        place,
        name: "",
        plan: { steps: [], count: 0 },
        inPlace: false,
        placed: "",
        unplaced: "",
      });
      staged.settle.reject(error);
      return staged;
    }
    this.#inOrder(() => this.#sendBatch(staged, options.signal)).catch((error: unknown) => staged.settle.reject(error));
    return staged;
  }

  async commit(stage: Stage, options: { readonly signal: AbortSignal }): Promise<Receipt> {
    const staged = this.#own(stage);
    const { batch } = staged;
    if (staged.spent) throw new KinsyncError("KINSYNC_INTERNAL", "a batch was committed or discarded twice");
    staged.spent = true;
    staged.isWanted = true;
    const count = await this.#ask<number>({
      signal: options.signal,
      deed: this.#deed("write to", batch.root),
      request: (id) => {
        if (staged.failure !== undefined) throw staged.failure.error;
        const { key } = batch.root;
        const { compacted } = staged.request;
        const compacts = compacted !== undefined && compacted === this.#compacted.get(key);
        this.#compacted.delete(key);
        this.#commits.set(key, (this.#commits.get(key) ?? 0) + 1);
        const request: CommitRequest = {
          ...staged.request,
          compacts,
          id,
          stage: staged.request.id,
          needle: this.#needle,
          marker: this.#marker(batch.snapshot, batch.tree),
          isQuiet: this.#placed.areQuiet(batch),
        };
        const { save } = this.#dialect;
        if (save === undefined || staged.held === undefined) return this.#dialect.commit(request);
        return save.write(request, staged.held);
      },
      onDone: (rest) => {
        this.#placed.note(batch);
        return Number(rest);
      },
      onFailure: (failure) => (failure.kind === "UNSTAGED" ? staged.failure?.error : undefined),
    }).catch((error: unknown) => {
      if (staged.held !== undefined) staged.settle.reject(error);
      throw error;
    });
    staged.settle.resolve();
    if (!Number.isInteger(count))
      throw new KinsyncError("KINSYNC_INTERNAL", `${nameOf(this.#target)}: a receipt without a count`);
    return { snapshot: batch.snapshot, tree: batch.tree, count: batch.entries.length };
  }

  async discard(stage: Stage): Promise<void> {
    const staged = this.#own(stage);
    if (staged.spent) return;
    staged.spent = true;
    // Whatever became of it, nothing of it is left where the session is over.
    await this.#ask({
      signal: this.#closing.signal,
      deed: this.#deed("clean up", staged.batch.root),
      request: (id) => {
        if (staged.failure !== undefined) throw staged.failure.error;
        return this.#dialect.discard(id, staged.request.place, staged.request.name);
      },
      onDone: () => {},
    }).catch(() => {});
  }

  run(
    command: readonly string[] | string,
    options: { readonly timeout: number; readonly signal: AbortSignal; readonly onOutput?: (text: string) => void },
  ): Promise<RunResult> {
    if (this.#why !== undefined) return Promise.reject(this.#why.error);
    return runInContainer(this.#context.cluster, this.#target, this.#agent.hello, command, {
      ...options,
      signal: AbortSignal.any([options.signal, this.#closing.signal]),
      openTimeout: this.#times.open,
      pingInterval: this.#times.socketPing,
    });
  }

  async ping(options: { readonly signal: AbortSignal }): Promise<number> {
    let sent = performance.now();
    return this.#ask({
      signal: options.signal,
      deed: { target: this.#target, verb: "reach", root: "" },
      request: (id) => {
        sent = performance.now();
        return this.#dialect.ping(id, undefined, "");
      },
      onDone: () => performance.now() - sent,
    });
  }

  /** What a marker of this session's holds. */
  get #needle(): string {
    return `"claim":"${this.#claim}"`;
  }

  /** Proves that the container side lives, and that the roots are still this session's. */
  async #prove(signal: AbortSignal): Promise<void> {
    if (this.#claimed.size === 0) await this.ping({ signal });
    for (const { root, place } of this.#claimed.values()) {
      await this.#ask<void>({
        signal,
        deed: this.#deed("watch", root),
        request: (id) => this.#dialect.ping(id, place, this.#needle),
        onDone: () => {},
        onFailure: (failure) => {
          if (failure.kind !== "TAKEN") return undefined;
          // Another session of this very run: it looks after the root, and this one is a leftover.
          const isOurs = failure.text.includes(`"runId":${JSON.stringify(this.#context.runId)}`);
          const error = this.#fail(failure, this.#deed("watch", root));
          this.#lose(isOurs ? "lost" : "taken", error);
          return error;
        },
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lose("closed", lostError(this.#target, "it was closed"));
    await this.#stream[Symbol.asyncDispose]();
    await this.ended;
  }

  // --- requests -------------------------------------------------------------------------------------------------------

  #throwIfOver(): void {
    if (this.#why !== undefined) throw this.#why.error;
  }

  /** Does one piece of writing after the other, so that the bytes of two never mix. */
  #inOrder<T>(write: () => Promise<T> | T): Promise<T> {
    const written = this.#writing.then(() => {
      this.#throwIfOver();
      return write();
    });
    this.#writing = written.then(
      () => {},
      () => {},
    );
    return written;
  }

  #ask<T>(asked: {
    readonly signal: AbortSignal;
    readonly deed: Deed;
    /** The container may be silent for longer before it answers. */
    readonly isSlow?: boolean;
    /** What to send; a throw is the answer. */
    readonly request: (id: number) => string | readonly (string | Uint8Array)[];
    readonly onRecord?: (line: string) => void;
    readonly onDone: (rest: string) => T;
    /** Another error than the agent's own. */
    readonly onFailure?: (failure: AgentFailure) => unknown;
  }): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const { signal } = asked;
      const onAbort = (): void => reject(signal.reason);
      const settle = (act: () => void): void => {
        signal.removeEventListener("abort", onAbort);
        try {
          act();
        } catch (error) {
          reject(error);
        }
      };
      if (signal.aborted) {
        onAbort();
        return;
      }
      signal.addEventListener("abort", onAbort, { once: true });
      this.#inOrder(async () => {
        signal.throwIfAborted();
        const id = this.#nextId++;
        const request = asked.request(id);
        this.#expect(id, {
          patience: this.#times.silence * (asked.isSlow === true ? SLOW : 1),
          onRecord: asked.onRecord ?? (() => {}),
          onDone: (rest) => settle(() => resolve(asked.onDone(rest))),
          onFailure: (failure) => settle(() => reject(asked.onFailure?.(failure) ?? this.#fail(failure, asked.deed))),
          onLost: (error) => settle(() => reject(error)),
        });
        for (const part of typeof request === "string" ? [request] : request) this.#stream.write(part);
        await this.#drained();
      }).catch((error: unknown) => settle(() => reject(error)));
    });
  }

  #expect(
    id: number,
    on: {
      patience?: number;
      onRecord?: (line: string) => void;
      onProgress?: (rest: string) => void;
      onDone: (rest: string) => void;
      onFailure: (failure: AgentFailure) => void;
      onLost: (error: KinsyncError) => void;
    },
  ): void {
    if (this.#answers.first === undefined) this.#heard = performance.now();
    this.#answers.expect({ id, onRecord: () => {}, ...on });
  }

  /** An error with another `retry` than `terminal` ends the session: what it held is to be looked at anew. */
  #fail(failure: AgentFailure, deed: Deed): KinsyncError {
    const error = errorOfAgent(failure, deed);
    if (error.retry !== "terminal") queueMicrotask(() => this.#lose("lost", error));
    return error;
  }

  /** Room for more; a byte that left counts as a sign of life. */
  async #drained(): Promise<void> {
    await this.#stream.drained();
    this.#heard = performance.now();
  }

  // --- batches --------------------------------------------------------------------------------------------------------

  async #sendBatch(staged: StagedBatch, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { batch, request } = staged;
    const claimed = this.#places.get(batch.root.key);
    if (claimed === undefined) {
      throw new KinsyncError("KINSYNC_INTERNAL", `${batch.root.path} was not claimed before a batch was sent`);
    }
    Object.assign(request, { place: await claimed });
    const compacted = this.#compacted.get(batch.root.key);
    if (compacted !== undefined) Object.assign(request, { compacted });
    const { save, stageFiles } = this.#dialect;
    if (staged.isWanted && save?.fits(request) === true) {
      staged.held = await readFiles(batch, signal);
      return;
    }
    const files = stageFiles?.fits(request) === true ? await readFiles(batch, signal) : undefined;
    let failed = false;
    this.#expect(request.id, {
      onProgress: (rest) => {
        // The container goes on to take what was sent, but it comes to nothing.
        if (rest === "full") failed = true;
      },
      onDone: () => staged.settle.resolve(),
      onFailure: (failure) => {
        failed = true;
        // A disk that is full has no room for it.
        this.#compacted.delete(batch.root.key);
        // What a tool says of a batch that was given up on this side is no news.
        if (staged.failure === undefined) staged.settle.reject(this.#fail(failure, this.#deed("write to", batch.root)));
      },
      onLost: (error) => staged.settle.reject(error),
    });
    const onAbort = (): void => staged.settle.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      if (stageFiles !== undefined && files !== undefined) {
        for (const part of stageFiles.write(request, files)) this.#stream.write(part);
        await this.#drained();
        return;
      }
      this.#stream.write(this.#dialect.stage(request));
      let aborted = false;
      const along = this.#dialect.along?.(request);
      if (request.plan.steps.some(isStaged)) {
        const archive = this.#dialect.sendsContent?.(request) === true ? contentOf(batch) : batch.archive;
        aborted = !(await sendSegments(archive, {
          signal,
          along,
          write: (data) => this.#stream.write(data),
          drained: () => this.#drained(),
          isRefused: () => failed,
          throwIfOver: () => this.#throwIfOver(),
          onFailure: (error) => staged.settle.reject(error),
        }));
        this.#stream.write(aborted ? "a\n" : "e\n");
      } else if (this.#dialect.needsEndOfArchive) this.#stream.write("e\n");
      this.#stream.write(this.#dialect.afterStage(request, aborted, along));
    } finally {
      void staged.ready.catch(() => {}).finally(() => signal.removeEventListener("abort", onAbort));
    }
  }

  #own(stage: Stage): StagedBatch {
    if (stage instanceof StagedBatch) return stage;
    throw new KinsyncError("KINSYNC_INTERNAL", "a stage of another transport was handed to exec");
  }

  /** JSON: a line that names the claim, and one with the rest, which stays as long as it is whatever the snapshot. */
  #marker(snapshot: number, tree: string): string {
    const { runId, owner, since } = this.#context;
    const marker: Marker = { format: 1, runId, owner, since, incarnation: this.facts.incarnation, snapshot, tree };
    const text = JSON.stringify(marker);
    const end = text.length - text.indexOf('"snapshot":');
    return `{"claim":"${this.#claim}",\n${text.slice(1)}${" ".repeat(Math.max(0, MARKER_REST - end))}`;
  }

  #name(text: string): string {
    return this.#dialect.rawNames ? text : unescapePath(text);
  }

  #deed(verb: string, root: RootSpec): Deed {
    return { target: this.#target, verb, root: root.path };
  }

  // --- the end --------------------------------------------------------------------------------------------------------

  /** Looks whether the container side lives. A pong of the WebSocket would only prove the first hop. */
  #watch(): void {
    if (this.#why !== undefined) return;
    const quiet = performance.now() - this.#heard;
    const { first } = this.#answers;
    if (first !== undefined) {
      if (quiet > (first.patience ?? this.#times.silence))
        this.#lose("lost", timeoutError(this.#target, "no answer came", quiet));
    } else if (quiet > this.#times.idle) {
      const signal = AbortSignal.timeout(this.#times.ping);
      this.#prove(signal).catch(() => {
        // What the agent had to say is dealt with.
        if (!signal.aborted) return;
        this.#lose("lost", timeoutError(this.#target, "the agent did not answer a ping", this.#times.ping));
      });
    }
  }

  #streamEnded(end: ExecEnd): void {
    if (this.#why !== undefined) return;
    const said = this.#agent.complaints();
    const more = said === "" ? "" : ` (${said})`;
    if (end.why === "error") this.#lose("lost", lostError(this.#target, end.error.message, end.error));
    else if (end.why === "closed") this.#lose("lost", lostError(this.#target, `closed with code ${end.code}${more}`));
    else this.#lose("lost", lostError(this.#target, `${describe(end)}${more}`), true);
  }

  /** The one way out: everything that waits is told, and the stream goes. Only the first reason counts. */
  #lose(why: SessionEnd["why"], error: KinsyncError, askWhy = false): void {
    if (this.#why !== undefined) return;
    this.#why = { why, error };
    clearInterval(this.#timer);
    for (const pending of this.#answers.drop()) pending.onLost(error);
    this.#closing.abort(error);
    this.#stream.close();
    if (!askWhy) {
      this.#end.resolve(why === "closed" ? { why } : { why, error });
      return;
    }
    // The process ended although the connection did not: most likely the container did.
    const signal = AbortSignal.any([this.#context.signal, AbortSignal.timeout(POST_MORTEM)]);
    findGone(this.#context.cluster, this.#target, signal)
      .then(
        (gone) => this.#end.resolve(gone === undefined ? { why, error } : { why: "gone", error: gone }),
        () => this.#end.resolve({ why, error }),
      )
      .catch(() => {});
  }
}

function stageName(): string {
  return `stage-${randomBytes(9).toString("base64url").replaceAll("-", "_")}`;
}

function describe(end: ExecEnd & { why: "status" }): string {
  const { status } = end;
  if (status.success) return "the agent ended";
  if (status.exitCode !== undefined) return `the agent ended with exit code ${status.exitCode}`;
  return plainText(status.message);
}
