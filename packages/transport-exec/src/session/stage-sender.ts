import { setImmediate as nextTurn } from "node:timers/promises";
import {
  KinsyncError,
  type Archive,
  type Batch,
  type LinkRate,
  type PieceEncoding,
  type RootSpec,
} from "@kinsync/core/contract";
import { patchedArchive } from "../blocks/patched-archive.ts";
import { isStaged } from "../commit/commit-plan.ts";
import { checkPathLengths } from "../commit/path-length.ts";
import { contentOf, readFiles } from "../commit/read-files.ts";
import type { StagedBatch } from "../commit/staged-batch.ts";
import type { AgentProtocol, StageRequest } from "../protocol/agent-protocol.ts";
import { ArrivedBytes } from "../protocol/arrived-bytes.ts";
import { sendCompressed, sendSegments } from "../protocol/segments.ts";
import type { Operation } from "./agent-error.ts";
import { mayBePatched, Patches } from "./patches.ts";
import type { Requests } from "./requests.ts";
import type { Roots } from "./roots.ts";

/** A smaller archive is sent as it is: on any link it takes no longer than the process that decompresses it. */
const MIN_COMPRESSED_BYTES = 64 * 1024;

export interface StageSenderOptions {
  readonly protocol: AgentProtocol;
  readonly requests: Requests;
  readonly roots: Roots;
  readonly operation: (verb: string, root: RootSpec) => Operation;
  /** What the agent can decompress. */
  readonly encodings: readonly PieceEncoding[];
  /** True if an answer is known to take long. */
  readonly isFar: () => boolean;
  /** True if the link is or may be so slow that compression pays for so many bytes. */
  readonly prefersCompression: (bytes: number) => boolean;
  readonly bytesPerSecond: LinkRate;
  /** True if only the changed blocks of large files should travel. */
  readonly patchesFiles: () => boolean;
  /** Throws if the session has ended. */
  readonly throwIfOver: () => void;
}

/** Sends the bytes of batches: together with the commit, as files, as patches of files, or as an archive. */
export class StageSender {
  readonly #options: StageSenderOptions;
  readonly #patches: Patches;

  constructor(options: StageSenderOptions) {
    this.#options = options;
    const { protocol, requests, patchesFiles } = options;
    this.#patches = new Patches({ protocol, requests, isUseful: patchesFiles });
  }

  /** Sends one batch, in its turn. */
  async send(staged: StagedBatch, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { protocol, requests, roots } = this.#options;
    const { batch } = staged;
    const claim = roots.claimUnderWay(batch.root.key);
    if (claim !== undefined && this.#mayPrecedeAnswer(staged)) {
      await this.#sendBeforeAnswer(staged, claim, signal);
      return;
    }
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
      staged.isAhead = true;
    }
    staged.sentAt = performance.now();
    const isCompressed = files === undefined && this.#compresses(batch);
    if (isCompressed) staged.request = { ...request, isCompressed };
    rejectOnAbort(staged, signal);
    if (stageFiles !== undefined && files !== undefined) {
      this.#expectStage(staged);
      requests.writeText(stageFiles.write(request, files));
      await requests.drained();
    } else if (!(await this.#sendPatches(staged, signal))) {
      await this.#sendArchive(staged, batch.archive, { isRefused: this.#expectStage(staged), signal });
    }
  }

  /** True for what is sent compressed to a cluster far away, whatever the claim reports: the answer to the claim takes a round trip. */
  #mayPrecedeAnswer({ batch, request }: StagedBatch): boolean {
    const { protocol, isFar } = this.#options;
    if (
      !isFar() ||
      batch.background === true ||
      !this.#compresses(batch) ||
      protocol.stageFiles?.fits(request) === true
    )
      return false;
    return !request.plan.steps.some(mayBePatched);
  }

  /** Sends an archive after a claim that was not answered yet. If the claim fails, so does the batch, with the same error. */
  async #sendBeforeAnswer(staged: StagedBatch, claim: number, signal: AbortSignal): Promise<void> {
    const { batch, request } = staged;
    staged.request = { ...request, location: { ...request.location, claim }, isLocatedLater: true, isCompressed: true };
    const located = this.#locate(staged).then(
      () => {},
      (error: unknown) => staged.settle.reject(error),
    );
    staged.sentAt = performance.now();
    rejectOnAbort(staged, signal);
    const isRefusedByAgent = this.#expectStage(staged);
    const isRefused = (): boolean => isRefusedByAgent() || staged.failure !== undefined;
    await this.#sendArchive(staged, batch.archive, { isRefused, located, signal });
  }

  /**
   * Sends large files that changed as patches of those that are there.
   * @returns false if the batch must be sent whole: there are no patches, or the file in the container changed meanwhile
   */
  async #sendPatches(staged: StagedBatch, signal: AbortSignal): Promise<boolean> {
    const { requests, operation } = this.#options;
    const { batch, request } = staged;
    const patches = await this.#patches.find(batch, request, operation("write to", batch.root), signal);
    if (patches.size === 0) return false;
    const steps = request.plan.steps.filter(isStaged);
    staged.request = { ...request, patched: new Set([...patches.keys()].map((member) => steps[member]?.path ?? "")) };
    const isStale = Promise.withResolvers<boolean>();
    const isRefused = this.#expectStage(staged, isStale.resolve);
    await this.#sendArchive(staged, patchedArchive(batch.archive, patches), { isRefused, signal });
    if (!(await isStale.promise)) return true;
    staged.request = { ...request, id: requests.reserveId() };
    return false;
  }

  #compresses({ archive }: Batch): boolean {
    const { encodings, prefersCompression } = this.#options;
    const isPossible = archive.compressed !== undefined && encodings.includes("gzip");
    return isPossible && archive.size >= MIN_COMPRESSED_BYTES && prefersCompression(archive.size);
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
    // A batch that is located later has its journal lines in front of the archive already.
    const compacted = staged.request.isLocatedLater === true ? undefined : roots.compacted(key);
    checkPathLengths(staged.request.plan, location);
    staged.request = { ...staged.request, location, ...(compacted === undefined ? {} : { compacted }) };
    return staged.request;
  }

  /**
   * Registers the stage request. Returns whether the container discards what it receives for it from now on.
   * @param onAnswer with true if the container's file is not the one that was patched; the stage then has not failed
   */
  #expectStage(staged: StagedBatch, onAnswer: (isStale: boolean) => void = () => {}): () => boolean {
    const { requests, roots, operation } = this.#options;
    const { root } = staged.batch;
    let isRefused = false;
    const arrived = staged.batch.background === true ? new ArrivedBytes() : undefined;
    staged.arrived = arrived;
    requests.expect({
      id: staged.request.id,
      onRecord: () => {},
      onNote: (note) => staged.notes.push(note),
      onProgress: (rest) => {
        if (rest === "full") isRefused = true;
        arrived?.add(rest === "full" ? Infinity : Number(rest));
      },
      onDone: () => {
        arrived?.add(Infinity);
        staged.settle.resolve();
        onAnswer(false);
      },
      onFailure: (failure) => {
        isRefused = true;
        arrived?.add(Infinity);
        // The failure of the claim is the reason, and on its way to the batch.
        if (failure.kind === "UNCLAIMED" && staged.request.isLocatedLater === true) return;
        const isStale = failure.kind === "STALE" && staged.failure === undefined;
        onAnswer(isStale);
        if (isStale) return;
        // A full disk has no room for a compacted journal either.
        roots.forgetCompacted(root.key);
        // After an abort on this side, the agent's failure is only its consequence.
        if (staged.failure === undefined) {
          staged.settle.reject(requests.errorOf(failure, operation("write to", root)));
        }
      },
      onLost: (error) => {
        arrived?.add(Infinity);
        staged.settle.reject(error);
        onAnswer(false);
      },
    });
    return () => isRefused;
  }

  /** @param located settles when the claim is answered, if it was not before */
  async #sendArchive(
    staged: StagedBatch,
    whole: Archive,
    {
      isRefused,
      located,
      signal,
    }: { readonly isRefused: () => boolean; readonly located?: Promise<void>; readonly signal: AbortSignal },
  ) {
    const { protocol, requests, throwIfOver, bytesPerSecond, encodings } = this.#options;
    const { batch, request, settle, arrived } = staged;
    requests.writeText(protocol.stage(request));
    let aborted = false;
    const checksums = protocol.checksums?.(request);
    if (request.plan.steps.some(isStaged)) {
      const archive = protocol.sendsContent?.(request) === true ? contentOf(batch) : whole;
      const options = {
        signal,
        checksums,
        write: (data: Uint8Array | string) => requests.write(data),
        drained: () => requests.drained(),
        isRefused,
        throwIfOver,
        onFailure: (error: unknown) => settle.reject(error),
        ...(arrived !== undefined
          ? { background: { letOthersPass: () => requests.letOthersPass(request.id), arrived, bytesPerSecond } }
          : {}),
      };
      const isSent =
        request.isCompressed === true
          ? await sendCompressed(archive, options, { bytesPerSecond, encodings })
          : await sendSegments(archive, options);
      // The agent answers the claim before it reads the archive: at most, a small one waits for the way back.
      if (located !== undefined) await located;
      aborted = !isSent || (located !== undefined && staged.failure !== undefined);
      requests.write(aborted ? "a\n" : "e\n");
    } else if (protocol.needsEndOfArchive) requests.write("e\n");
    requests.writeText(protocol.afterStage(staged.request, aborted, checksums));
  }
}

/** Until the batch is staged, or has failed. */
function rejectOnAbort({ settle, ready }: StagedBatch, signal: AbortSignal): void {
  const onAbort = (): void => settle.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  void ready.catch(() => {}).finally(() => signal.removeEventListener("abort", onAbort));
}
