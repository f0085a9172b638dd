import type { Batch, Stage } from "@kinsync/core/contract";
import type { StageRequest } from "./dialect.ts";

/** A batch from the call of `stage` until it is committed, discarded, or came to nothing. */
export class StagedBatch implements Stage {
  readonly ready: Promise<void>;
  readonly request: StageRequest;
  readonly batch: Batch;
  readonly settle: { resolve(): void; reject(error: unknown): void };
  failure: { readonly error: unknown } | undefined;
  spent = false;
  /** It was asked for before the stage was sent. */
  isWanted = false;
  /** Bytes that leave with the commit. */
  held: readonly Uint8Array[] | undefined;

  constructor(batch: Batch, request: StageRequest) {
    this.batch = batch;
    this.request = request;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    // Whoever only commits need not look at it.
    promise.catch(() => {});
    this.settle = {
      resolve,
      reject: (error) => {
        this.failure ??= { error };
        reject(error);
      },
    };
  }
}
