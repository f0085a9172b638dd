import {
  KinsyncError,
  type Batch,
  type Inventory,
  type OpenContext,
  type PullOptions,
  type Receipt,
  type RootSpec,
  type RunResult,
  type Session,
  type SessionEnd,
  type SessionFacts,
  type Stage,
  type Target,
} from "@kinsync/core/contract";
import { AGENTS } from "../agent/runtimes.ts";
import type { RunningAgent } from "../agent/attempt.ts";
import { PlacedTimes } from "../commit/placed-times.ts";
import type { AgentProtocol, Depth, RootLocation } from "../protocol/agent-protocol.ts";
import { InventoryReader, withMounted } from "../protocol/inventory-reader.ts";
import { runInContainer } from "../run/run.ts";
import { describeExit } from "../stream/describe-exit.ts";
import type { ExecEnd, ExecStream } from "../stream/exec-stream.ts";
import { lostError, nameOf } from "../stream/target-error.ts";
import type { Operation } from "./agent-error.ts";
import { Batches, stageName } from "./batches.ts";
import { EarlyInventory } from "./early-inventory.ts";
import { EndOfLife } from "./end-of-life.ts";
import { findGone } from "./identity.ts";
import { Liveness } from "./liveness.ts";
import { MarkerWriter, type MarkedState } from "./marker.ts";
import { releaseRoot } from "./release.ts";
import { Requests, type AgentRequest } from "./requests.ts";
import type { SessionTimes } from "./session-times.ts";
import { Roots, runName, takeLocation, type OwnedRoot } from "./roots.ts";

/** Another session of this run owns a root of this session by now. */
class HandedOver extends Error {}

/** A session over one open exec stream. */
export class ExecSession implements Session {
  readonly facts: SessionFacts;
  readonly #agent: RunningAgent;
  readonly #stream: ExecStream;
  readonly #protocol: AgentProtocol;
  readonly #target: Target;
  readonly #context: OpenContext;
  readonly #times: SessionTimes;
  readonly #life: EndOfLife;
  readonly #requests: Requests;
  readonly #roots = new Roots();
  readonly #marker: MarkerWriter;
  readonly #placedTimes = new PlacedTimes();
  readonly #batches: Batches;
  readonly #liveness: Liveness;
  readonly #early = new EarlyInventory();

  constructor(agent: RunningAgent, target: Target, context: OpenContext, times: SessionTimes) {
    const { runtime, incarnation, workingDirectory, encodings, blocks } = agent.hello;
    this.facts = { agent: runtime, choice: agent.choice, incarnation, workingDirectory };
    this.#agent = agent;
    this.#stream = agent.stream;
    this.#protocol = AGENTS[runtime].protocol;
    this.#target = target;
    this.#context = context;
    this.#times = times;
    this.#marker = new MarkerWriter(context, incarnation, agent.process);
    this.#life = new EndOfLife({
      findGone: (signal) => findGone(context.cluster, target, signal),
      release: (error) => {
        this.#liveness[Symbol.dispose]();
        this.#batches[Symbol.dispose]();
        this.#requests.drop(error);
        this.#stream.close();
      },
    });
    const throwIfOver = (): void => this.#life.throwIfOver();
    this.#requests = new Requests({
      stream: agent.stream,
      silenceMs: times.silenceMs,
      throwIfOver,
      lose: (error) => this.#life.end("lost", error),
    });
    this.#batches = new Batches({
      protocol: this.#protocol,
      requests: this.#requests,
      roots: this.#roots,
      marker: this.#marker,
      placedTimes: this.#placedTimes,
      operation: (verb, root) => this.#operation(verb, root),
      encodings,
      isFar: () => agent.stream.isFar,
      prefersCompression: (bytes) => agent.stream.prefersCompression(bytes),
      patchesFiles: () => blocks && agent.stream.bytesPerSecond !== Infinity,
      bytesPerSecond: () => agent.stream.bytesPerSecond,
      throwIfOver,
      closing: this.#life.signal,
    });
    this.#liveness = new Liveness({
      target,
      requests: this.#requests,
      ...times,
      prove: (signal) => this.#prove(signal),
      end: (why, error) => this.#life.end(why, error),
    });
    this.#early.expect(agent.requested, (root) => this.#read(root, [], "paths", this.#life.signal, true));
    const onBroken = (error: unknown): void =>
      this.#life.end("lost", lostError(target, error instanceof Error ? error.message : String(error), error));
    agent.receive((line) => {
      try {
        this.#requests.receive(line);
      } catch (error) {
        onBroken(error);
      }
    }, onBroken);
    void this.#stream.ended.then((end) => this.#streamEnded(end));
  }

  get ended(): Promise<SessionEnd> {
    return this.#life.ended;
  }

  async inventory(root: RootSpec, { paths, list, signal }: Parameters<Session["inventory"]>[1]): Promise<Inventory> {
    const isFirst = paths.length === 0 && list !== true;
    const early = isFirst ? this.#early.take(root, signal) : this.#early.forget();
    const inventory = await (early ?? this.#read(root, paths, list === true ? "list" : "paths", signal));
    if (inventory.root !== "directory") return inventory;
    if (list === true) return withMounted(inventory, paths, (mounted) => this.#read(root, mounted, "paths", signal));
    // Placed paths that were not requested are deleted next. Their existence and type are enough for that.
    const requested = new Set(paths);
    const others = inventory.placed.filter((path) => !requested.has(path));
    if (others.length === 0) return inventory;
    const rest = await this.#read(root, others, "types", signal);
    if (rest.entries.length === 0) return inventory;
    // What was not there a moment ago may be there now.
    return { ...inventory, isEmpty: false, entries: [...inventory.entries, ...rest.entries] };
  }

  #read(
    root: RootSpec,
    paths: readonly string[],
    depth: Depth,
    signal: AbortSignal,
    wasSent = false,
  ): Promise<Inventory> {
    const roots = this.#roots;
    const reader = new InventoryReader(paths, depth === "list", this.#protocol.rawNames);
    let isClaimed = false;
    let commits: number | undefined;
    const request: AgentRequest<Inventory> = {
      signal,
      isSlow: true,
      operation: this.#operation("read", root),
      encode: (id) => {
        isClaimed = roots.isClaimed(root.key);
        commits = roots.commits(root.key);
        return this.#protocol.inventory(id, root, reader.requested, depth);
      },
      onRecord: (line) => reader.take(line),
      onDone: () => {
        const inventory = reader.inventory();
        // Only the owner writes the journal, and a commit that was sent meanwhile may have appended to it.
        const isOwner = isClaimed && inventory.marker?.runId === this.#context.runId;
        if (isOwner && reader.isJournalLong && commits === roots.commits(root.key)) {
          roots.compact(root.key, inventory.placed);
        }
        return inventory;
      },
    };
    return wasSent ? this.#requests.expectFirst(request) : this.#requests.send(request);
  }

  claim(root: RootSpec, options: MarkedState & { readonly signal: AbortSignal }): Promise<void> {
    this.#early.forget();
    const location = { claim: 0, root: "", state: "", mounts: [] as string[], kept: [] as string[] };
    const claimed = this.#requests.send<RootLocation>({
      signal: options.signal,
      isSlow: true,
      order: { isBarrier: true },
      operation: this.#operation("claim", root),
      encode: (id) => {
        location.claim = id;
        const marker = this.#marker.write(root, options);
        return this.#protocol.claim(id, root, stageName(), marker, runName(this.#context.runId));
      },
      onRecord: (line) => takeLocation(location, line),
      onDone: () => {
        this.#placedTimes.forget();
        if (location.root === "" || location.state === "") {
          const message = `${nameOf(this.#target)}: the agent did not report the location of ${root.path}`;
          throw new KinsyncError("KINSYNC_INTERNAL", message);
        }
        this.#roots.own(root, location);
        return location;
      },
    });
    return this.#roots.claim(root.key, claimed, location);
  }

  stage(batch: Batch, options: { readonly signal: AbortSignal }): Stage {
    return this.#batches.stage(batch, options.signal);
  }

  commit(stage: Stage, options: { readonly signal: AbortSignal }): Promise<Receipt> {
    return this.#batches.commit(stage, options.signal);
  }

  discard(stage: Stage): Promise<void> {
    return this.#batches.discard(stage);
  }

  release(root: RootSpec, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    const parts = { protocol: this.#protocol, requests: this.#requests, roots: this.#roots, marker: this.#marker };
    return releaseRoot(parts, root, this.#operation("remove the state of", root), signal);
  }

  run(
    command: readonly string[] | string,
    options: { readonly timeout: number; readonly signal: AbortSignal; readonly onOutput?: (text: string) => void },
  ): Promise<RunResult> {
    if (this.#life.error !== undefined) return Promise.reject(this.#life.error);
    const more = { ...options, ...this.#ofOwnStream(options.signal) };
    return runInContainer(this.#context.cluster, this.#target, this.#agent.hello, command, more);
  }

  async pull(path: string, options: PullOptions): Promise<void> {
    if (this.#life.error !== undefined) throw this.#life.error;
    const { pullFromContainer } = await import("../pull/pull.ts");
    const more = { ...options, ...this.#ofOwnStream(options.signal), silenceMs: this.#times.silenceMs * 3 };
    return pullFromContainer(this.#context.cluster, this.#target, this.#agent.hello, path, more);
  }

  #ofOwnStream(signal: AbortSignal) {
    const { openMs: openTimeout, socketPingMs: pingInterval } = this.#times;
    return { signal: AbortSignal.any([signal, this.#life.signal]), openTimeout, pingInterval };
  }

  ping(options: { readonly signal: AbortSignal }): Promise<number> {
    let sentAt = performance.now();
    return this.#requests.send({
      signal: options.signal,
      operation: { target: this.#target, verb: "reach", root: "" },
      encode: (id) => {
        sentAt = performance.now();
        return this.#protocol.ping(id, undefined, "");
      },
      onDone: () => performance.now() - sentAt,
    });
  }

  /** Proves that the agent is alive, and that this session still owns its roots. */
  async #prove(signal: AbortSignal): Promise<void> {
    if (this.#roots.size === 0) await this.ping({ signal });
    for (const owned of this.#roots.owned) {
      await this.#proveOwner(owned, signal).catch((error: unknown) => {
        if (!(error instanceof HandedOver)) throw error;
        this.#roots.disown(owned.root.key);
      });
    }
  }

  #proveOwner({ root, location }: OwnedRoot, signal: AbortSignal): Promise<void> {
    const operation = this.#operation("watch", root);
    return this.#requests.send<void>({
      signal,
      operation,
      encode: (id) => this.#protocol.ping(id, location, this.#marker.needle),
      onDone: () => {},
      onFailure: (failure) => {
        if (failure.kind !== "TAKEN") return undefined;
        const isSameRun = failure.text.includes(`"runId":${JSON.stringify(this.#context.runId)}`);
        if (isSameRun && this.#roots.size > 1) return new HandedOver();
        const error = this.#requests.errorOf(failure, operation);
        // If a later session of the same run owns the last root, this session is only a leftover.
        this.#life.end(isSameRun ? "lost" : "taken", error);
        return error;
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.end("closed", lostError(this.#target, "it was closed"));
    await this.#stream[Symbol.asyncDispose]();
    await this.ended;
  }

  #streamEnded(end: ExecEnd): void {
    const complaints = this.#agent.complaints();
    const more = complaints === "" ? "" : ` (${complaints})`;
    if (end.why === "error") this.#life.end("lost", lostError(this.#target, end.error.message, end.error));
    else if (end.why === "closed")
      this.#life.end("lost", lostError(this.#target, `closed with code ${end.code}${more}`));
    // The process ended although the connection did not: most likely the container ended.
    else this.#life.end("lost", lostError(this.#target, `${describeExit(end.status)}${more}`), true);
  }

  #operation(verb: string, root: RootSpec): Operation {
    return { target: this.#target, verb, root: root.path };
  }
}
