import { randomBytes } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  KinsyncError,
  type Batch,
  type LinkRate,
  type Receipt,
  type ReceiptNote,
  type RootSpec,
  type Stage,
} from "@kinsync/core/contract";
import { isStaged, planCommit, type CommitPlan } from "../commit/commit-plan.ts";
import { journalLines } from "../commit/manifest.ts";
import { checkPathLengths } from "../commit/path-length.ts";
import type { PlacedTimes } from "../commit/placed-times.ts";
import { contentOf, readFiles } from "../commit/read-files.ts";
import { StagedBatch } from "../commit/staged-batch.ts";
import type { AgentProtocol, CommitRequest, RootLocation, StageRequest } from "../protocol/agent-protocol.ts";
import type { AgentNote } from "../protocol/answers.ts";
import type { RequestText } from "../protocol/request-text.ts";
import { sendCompressed, sendSegments } from "../protocol/segments.ts";
import { oneLine } from "../stream/one-line.ts";
import { nameOf } from "../stream/target-error.ts";
import type { Operation } from "./agent-error.ts";
import type { MarkerWriter } from "./marker.ts";
import type { Requests } from "./requests.ts";
import type { Roots } from "./roots.ts";

const EMPTY_PLAN: CommitPlan = { steps: [], count: 0 };
const UNKNOWN_LOCATION: RootLocation = { claim: 0, root: "", state: "", mounts: [] };

export interface BatchesOptions {
  readonly protocol: AgentProtocol;
  readonly requests: Requests;
  readonly roots: Roots;
  readonly marker: MarkerWriter;
  readonly placedTimes: PlacedTimes;
  readonly operation: (verb: string, root: RootSpec) => Operation;
  /** True if the agent reads compressed archives, and the link is or may be so slow that compression pays for so many bytes. */
  readonly prefersGzip: (bytes: number) => boolean;
  readonly bytesPerSecond: LinkRate;
  /** Throws if the session has ended. */
  readonly throwIfOver: () => void;
  /** Aborts when the session ends. */
  readonly closing: AbortSignal;
}

/** A build that runs beside kinsync compares times with seconds. */
const STALE_AFTER_MS = 1_000;
/** A smaller archive is sent as it is: on any link it takes no longer than the process that decompresses it. */
const MIN_COMPRESSED_BYTES = 64 * 1024;

/** Stages, commits and discards the batches of one session. */
export class Batches {
  readonly #options: BatchesOptions;

  constructor(options: BatchesOptions) {
    this.#options = options;
  }

  stage(batch: Batch, signal: AbortSignal): Stage {
    const { requests } = this.#options;
    const id = requests.reserveId();
    const inPlace = batch.root.inPlace === true;
    const common = { id, location: UNKNOWN_LOCATION, inPlace };
    let staged: StagedBatch;
    try {
      staged = new StagedBatch(batch, {
        ...common,
        name: stageName(),
        plan: planCommit(batch),
        placed: journalLines("+", batch.placed),
        unplaced: journalLines("-", batch.unplaced),
      });
    } catch (error) {
      staged = new StagedBatch(batch, { ...common, name: "", plan: EMPTY_PLAN, placed: "", unplaced: "" });
      staged.settle.reject(error);
      return staged;
    }
    requests.inOrder(() => this.#send(staged, signal)).catch((error: unknown) => staged.settle.reject(error));
    return staged;
  }

  async commit(stage: Stage, signal: AbortSignal): Promise<Receipt> {
    const { requests, placedTimes, operation } = this.#options;
    const staged = own(stage);
    const { batch } = staged;
    if (staged.spent) throw new KinsyncError("KINSYNC_INTERNAL", "a batch was committed or discarded twice");
    staged.spent = true;
    staged.requestCommit();
    const doing = operation("write to", batch.root);
    const count = await requests
      .send<number>({
        signal,
        operation: doing,
        encode: (id) => this.#encodeCommit(staged, id),
        onNote: (note) => staged.notes.push(note),
        onDone: (rest) => {
          placedTimes.note(batch);
          return Number(rest);
        },
        onFailure: (failure) => (failure.kind === "UNSTAGED" ? staged.failure?.error : undefined),
      })
      .catch((error: unknown) => {
        if (staged.held !== undefined) staged.settle.reject(error);
        throw error;
      });
    staged.settle.resolve();
    if (!Number.isInteger(count)) {
      throw new KinsyncError("KINSYNC_INTERNAL", `${nameOf(doing.target)}: the receipt has no count`);
    }
    const notes = receiptNotes(staged.notes, doing.root);
    return {
      snapshot: batch.snapshot,
      tree: batch.tree,
      count: batch.entries.length,
      ...(notes.length === 0 ? {} : { notes }),
    };
  }

  #encodeCommit(staged: StagedBatch, id: number): RequestText {
    if (staged.failure !== undefined) throw staged.failure.error;
    const { protocol, roots, marker, placedTimes } = this.#options;
    const { batch, request: stage, held } = staged;
    const { key } = batch.root;
    const compacts = stage.compacted !== undefined && stage.compacted === roots.compacted(key);
    roots.countCommit(key);
    const request: CommitRequest = {
      ...stage,
      compacts,
      id,
      stage: stage.id,
      needle: marker.needle,
      marker: marker.write(batch.root, batch),
      isQuiet: placedTimes.areQuiet(batch),
      isStale: staged.sentAt !== undefined && performance.now() - staged.sentAt > STALE_AFTER_MS,
    };
    if (protocol.save === undefined || held === undefined) return protocol.commit(request);
    return protocol.save.write(request, held);
  }

  async discard(stage: Stage): Promise<void> {
    const { protocol, requests, operation, closing } = this.#options;
    const staged = own(stage);
    if (staged.spent) return;
    staged.spent = true;
    // If it fails, the session ends, and the agent removes its stages then.
    await requests
      .send({
        signal: closing,
        operation: operation("clean up", staged.batch.root),
        encode: (id) => {
          if (staged.failure !== undefined) throw staged.failure.error;
          return protocol.discard(id, staged.request.location, staged.request.name);
        },
        onDone: () => {},
      })
      .catch(() => {});
  }

  async #send(staged: StagedBatch, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { protocol, requests } = this.#options;
    const { batch } = staged;
    const request = await this.#locate(staged);
    const { save, stageFiles } = protocol;
    const files = stageFiles?.fits(request) === true ? await readFiles(batch, signal) : undefined;
    if (files !== undefined && save?.fits(request) === true) {
      // A caller that only prepared so far commits within this turn of the event loop, unless it waits for other targets.
      const isCommitRequested = await Promise.race([staged.commitRequested, nextTurn(false)]);
      if (isCommitRequested) {
        staged.held = files;
        return;
      }
    }
    staged.sentAt = performance.now();
    const isCompressed = files === undefined && this.#compresses(batch);
    if (isCompressed) staged.request = { ...request, isCompressed };
    const isRefused = this.#expectStage(staged);
    const onAbort = (): void => staged.settle.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      if (stageFiles !== undefined && files !== undefined) {
        requests.writeText(stageFiles.write(request, files));
        await requests.drained();
      } else await this.#sendArchive(staged, isRefused, signal);
    } finally {
      void staged.ready.catch(() => {}).finally(() => signal.removeEventListener("abort", onAbort));
    }
  }

  #compresses({ archive }: Batch): boolean {
    const isWorthwhile = archive.compressed !== undefined && archive.size >= MIN_COMPRESSED_BYTES;
    return isWorthwhile && this.#options.prefersGzip(archive.size);
  }

  /** Adds to the request what is known only after the claim. */
  async #locate(staged: StagedBatch): Promise<StageRequest> {
    const { roots } = this.#options;
    const { key, path } = staged.batch.root;
    const claimed = roots.location(key);
    if (claimed === undefined) {
      throw new KinsyncError("KINSYNC_INTERNAL", `${path} was not claimed before a batch was sent`);
    }
    const location = await claimed;
    const compacted = roots.compacted(key);
    checkPathLengths(staged.request.plan, location);
    staged.request = { ...staged.request, location, ...(compacted === undefined ? {} : { compacted }) };
    return staged.request;
  }

  /** Registers the stage request. Returns whether the container discards what it receives for it from now on. */
  #expectStage(staged: StagedBatch): () => boolean {
    const { requests, roots, operation } = this.#options;
    const { root } = staged.batch;
    let isRefused = false;
    requests.expect({
      id: staged.request.id,
      onRecord: () => {},
      onNote: (note) => staged.notes.push(note),
      onProgress: (rest) => {
        if (rest === "full") isRefused = true;
      },
      onDone: () => staged.settle.resolve(),
      onFailure: (failure) => {
        isRefused = true;
        // A full disk has no room for a compacted journal either.
        roots.forgetCompacted(root.key);
        // After an abort on this side, the agent's failure is only its consequence.
        if (staged.failure === undefined) {
          staged.settle.reject(requests.errorOf(failure, operation("write to", root)));
        }
      },
      onLost: (error) => staged.settle.reject(error),
    });
    return () => isRefused;
  }

  async #sendArchive({ batch, request, settle }: StagedBatch, isRefused: () => boolean, signal: AbortSignal) {
    const { protocol, requests, throwIfOver, bytesPerSecond } = this.#options;
    requests.writeText(protocol.stage(request));
    let aborted = false;
    const checksums = protocol.checksums?.(request);
    if (request.plan.steps.some(isStaged)) {
      const archive = protocol.sendsContent?.(request) === true ? contentOf(batch) : batch.archive;
      const options = {
        signal,
        checksums,
        write: (data: Uint8Array | string) => requests.write(data),
        drained: () => requests.drained(),
        isRefused,
        throwIfOver,
        onFailure: (error: unknown) => settle.reject(error),
      };
      const isSent =
        request.isCompressed === true
          ? await sendCompressed(archive, options, bytesPerSecond)
          : await sendSegments(archive, options);
      aborted = !isSent;
      requests.write(aborted ? "a\n" : "e\n");
    } else if (protocol.needsEndOfArchive) requests.write("e\n");
    requests.writeText(protocol.afterStage(request, aborted, checksums));
  }
}

const NOTES: Readonly<Record<string, string>> = {
  mode: "its mode could not be set",
  owner: "its owner could not be set",
  time: "its modification time could not be set",
  rename: "its file system cannot rename folders, so the files of new folders arrived one by one",
};

/** One note for each kind: a batch of thousands of files has one reason. */
function receiptNotes(notes: readonly AgentNote[], root: string): ReceiptNote[] {
  const first = new Map<string, AgentNote>();
  for (const note of notes) if (!first.has(note.code)) first.set(note.code, note);
  return [...first.values()].map(({ code, path, text }) => ({
    code,
    ...(path === undefined ? {} : { path }),
    message: `${root}${path === undefined ? "" : `, ${oneLine(path)}`}: ${NOTES[code] ?? code}: ${oneLine(text)}`,
  }));
}

/** A new name for a folder of staged files. */
export function stageName(): string {
  return `stage-${randomBytes(9).toString("base64url").replaceAll("-", "_")}`;
}

function own(stage: Stage): StagedBatch {
  if (stage instanceof StagedBatch) return stage;
  throw new KinsyncError("KINSYNC_INTERNAL", "exec received a stage of another transport");
}
