import type { KinsyncError, SessionEnd } from "@kinsync/core/contract";

/** Milliseconds that the API server gets to report why a stream ended. */
const POST_MORTEM_MS = 3_000;

export interface EndOfLifeOptions {
  /** Releases what the session holds. Called once. */
  readonly release: (error: KinsyncError) => void;
  /** Reads from the API server whether the container is gone; `undefined` if it still runs. */
  readonly findGone: (signal: AbortSignal) => Promise<KinsyncError | undefined>;
}

/** The end of a session. Only the first reason counts; afterwards every call fails with its error. */
export class EndOfLife {
  /** Settles once; never rejects. */
  readonly ended: Promise<SessionEnd>;
  readonly #options: EndOfLifeOptions;
  readonly #end = Promise.withResolvers<SessionEnd>();
  readonly #closing = new AbortController();
  #error: KinsyncError | undefined;
  /** Ends the request for the reason. */
  #investigation: AbortController | undefined;

  constructor(options: EndOfLifeOptions) {
    this.#options = options;
    this.ended = this.#end.promise;
  }

  /** Aborts when the session ends. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** Why the session ended; `undefined` while it lives. */
  get error(): KinsyncError | undefined {
    return this.#error;
  }

  throwIfOver(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  /** @param investigate reads from the API server first whether the container is gone, which is then the reason */
  end(why: SessionEnd["why"], error: KinsyncError, investigate = false): void {
    if (this.#error !== undefined) {
      // The reason is no longer needed.
      if (why === "closed") this.#investigation?.abort();
      return;
    }
    this.#error = error;
    this.#options.release(error);
    this.#closing.abort(error);
    if (!investigate) {
      this.#end.resolve(why === "closed" ? { why } : { why, error });
      return;
    }
    this.#investigation = new AbortController();
    const signal = AbortSignal.any([this.#investigation.signal, AbortSignal.timeout(POST_MORTEM_MS)]);
    this.#options
      .findGone(signal)
      .then(
        (gone) => this.#end.resolve(gone === undefined ? { why, error } : { why: "gone", error: gone }),
        () => this.#end.resolve({ why, error }),
      )
      .catch(() => {});
  }
}
