import type { Batch, Stage } from "@kinsync/core/contract";
import type { AgentNote } from "../protocol/answers.ts";
import type { ArrivedBytes } from "../protocol/arrived-bytes.ts";
import type { StageRequest } from "../protocol/agent-protocol.ts";

/** A batch from the call of `stage` until it is committed, discarded, or failed. */
export class StagedBatch implements Stage {
  readonly ready: Promise<void>;
  readonly batch: Batch;
  /** Gets its location when the batch is sent. */
  request: StageRequest;
  readonly settle: { resolve(): void; reject(error: unknown): void };
  failure: { readonly error: unknown } | undefined;
  /** True once it was committed or discarded. */
  spent = false;
  /** Resolves with true when the commit is requested, which may be before the stage is sent. */
  readonly commitRequested: Promise<boolean>;
  /** @param isLast the session has staged no other batch whose commit follows */
  readonly requestCommit: (isLast: boolean) => void;
  #isCommitRequested = false;
  #isStaged = false;
  #isJoint = false;
  /** When sending it began; `undefined` until then. */
  sentAt: number | undefined;
  /** What the container has read of it, in the background; `undefined` elsewhere, and until it is sent. */
  arrived: ArrivedBytes | undefined;
  /** What the container could not set of its files. */
  readonly notes: AgentNote[] = [];
  /** Bytes that are sent with the commit. */
  held: readonly Uint8Array[] | undefined;
  /** A few small files that were staged ahead of their commit, which other containers wait for, too. */
  isAhead = false;

  constructor(batch: Batch, request: StageRequest) {
    this.batch = batch;
    this.request = request;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    // A caller that only commits does not await it.
    promise.catch(() => {});
    const commit = Promise.withResolvers<boolean>();
    this.commitRequested = commit.promise;
    this.requestCommit = (isLast) => {
      this.#isCommitRequested = true;
      this.#isJoint = this.#isStaged && isLast;
      commit.resolve(true);
    };
    this.settle = {
      resolve: () => {
        this.#isStaged = true;
        resolve();
      },
      reject: (error) => {
        this.failure ??= { error };
        reject(error);
      },
    };
  }

  /** True if the commit was requested when the container had staged all, so that the caller waited for others, and is the last one. */
  get isJoint(): boolean {
    return this.#isJoint;
  }

  /** True if stage and commit are both requested and may overtake a transfer in the background. */
  get mayOvertake(): boolean {
    return this.#isCommitRequested && this.batch.background !== true;
  }
}
