import type { KinsyncError } from "@kinsync/core/contract";
import { FIRST_REQUEST_ID } from "../protocol/agent-protocol.ts";
import { Answers, type AgentFailure, type AgentNote, type Pending } from "../protocol/answers.ts";
import { requestParts, type RequestText } from "../protocol/request-text.ts";
import type { ExecStream } from "../stream/exec-stream.ts";
import { errorOfAgent, type Operation } from "./agent-error.ts";

/** How much longer the container may be silent while it reads or removes a tree. */
const SLOW_FACTOR = 3;

/** What a write may overtake, and what may overtake it. */
export interface Order {
  /** True if the write belongs to a batch that is requested completely, so it may overtake a transfer. Default: `false`. */
  readonly mayOvertake?: () => boolean;
  /** True if no later write may overtake a transfer before this one: batches need what it brings. Default: `false`. */
  readonly isBarrier?: boolean;
}

const IN_TURN: Order = Object.freeze({});

interface Write {
  readonly order: Order;
  /** Never rejects: the caller that waits for the write gets its error. */
  readonly begin: () => Promise<void>;
}

export interface AgentRequest<T> {
  readonly signal: AbortSignal;
  /** For error messages. */
  readonly operation: Operation;
  /** True if the container may be silent for longer before it responds. Default: `false`. */
  readonly isSlow?: boolean;
  /** What the request may overtake. Default: nothing. */
  readonly order?: Order;
  /** Returns what to send. If it throws, the request fails with that error and nothing is sent. */
  readonly encode: (id: number) => RequestText;
  readonly onRecord?: (line: string) => void;
  readonly onNote?: (note: AgentNote) => void;
  readonly onDone: (rest: string) => T;
  /** Replaces the error for a failure of the agent; `undefined` keeps it. */
  readonly onFailure?: (failure: AgentFailure) => unknown;
}

export interface RequestsOptions {
  readonly stream: ExecStream;
  readonly silenceMs: number;
  /** Throws if the session has ended. */
  readonly throwIfOver: () => void;
  /** Ends the session: after this error, the state of the container is unknown. */
  readonly lose: (error: KinsyncError) => void;
}

/** Requests to the agent of one session: written in order, answered in order. */
export class Requests {
  readonly #options: RequestsOptions;
  readonly #answers = new Answers();
  #writing: Promise<void> = Promise.resolve();
  /** Writes that have not begun, in order. */
  readonly #waiting = new Set<Write>();
  /** ID of the stage request whose archive waits while other requests are written. */
  #paused: number | undefined;
  #nextId = FIRST_REQUEST_ID;
  #heardAt = performance.now();

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /** The request that the agent is answering. */
  get first(): Pending | undefined {
    return this.#answers.first;
  }

  /** Milliseconds since the last sign of life: a line was received, or bytes were sent. */
  get quietMs(): number {
    return performance.now() - this.#heardAt;
  }

  /** Reserves an ID for a request that is written later. */
  reserveId(): number {
    return this.#nextId++;
  }

  /** Dispatches a line of the agent. @throws if no request expects it */
  receive(line: string): void {
    this.#heardAt = performance.now();
    this.#answers.take(line);
  }

  /** Rejects all requests that are not answered yet. */
  drop(error: KinsyncError): void {
    for (const pending of this.#answers.drop()) pending.onLost(error);
  }

  /**
   * Runs one write after the other, so that the bytes of two requests never mix.
   * @param order what the write may overtake. Default: nothing
   */
  inOrder<T>(write: () => Promise<T> | T, order: Order = IN_TURN): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const waiting: Write = {
      order,
      begin: async () => {
        this.#waiting.delete(waiting);
        try {
          this.#options.throwIfOver();
          resolve(await write());
        } catch (error) {
          reject(error);
        }
      },
    };
    this.#waiting.add(waiting);
    this.#writing = this.#writing.then(() => (this.#waiting.has(waiting) ? waiting.begin() : undefined));
    return promise;
  }

  /**
   * Called by a transfer between two segments: the writes that may overtake it run now, and the agent answers them before the rest of
   * the archive arrives. Only whole batches do, stage and commit, and none overtakes a claim.
   * @param id of the stage request
   */
  async letOthersPass(id: number): Promise<void> {
    const passing: Write[] = [];
    for (const each of this.#waiting) {
      if (each.order.isBarrier === true) break;
      if (each.order.mayOvertake?.() === true) passing.push(each);
    }
    if (passing.length === 0) return;
    this.write("w\n");
    this.#paused = id;
    for (const each of passing) await each.begin();
    this.#paused = undefined;
    this.write("g\n");
  }

  /** Expects the answer to the first request, which was written with the agent's program. Call it before any other. */
  expectFirst<T>(request: AgentRequest<T>): Promise<T> {
    return this.sendInTurn({ ...request, encode: () => [] });
  }

  /** Writes a request after all that were sent before, and settles with its answer. */
  send<T>(request: AgentRequest<T>): Promise<T> {
    return this.#send(request, (write) => this.inOrder(write, request.order));
  }

  /** The same for a caller whose turn it is: within `inOrder`. */
  sendInTurn<T>(request: AgentRequest<T>): Promise<T> {
    return this.#send(request, (write) => {
      this.#options.throwIfOver();
      return write();
    });
  }

  #send<T>(request: AgentRequest<T>, inTurn: (write: () => Promise<void>) => Promise<void>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const { signal, operation, onDone, onFailure, onNote, onRecord = () => {} } = request;
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
      inTurn(async () => {
        signal.throwIfAborted();
        const id = this.reserveId();
        const encoded = request.encode(id);
        this.expect({
          id,
          patienceMs: this.#options.silenceMs * (request.isSlow === true ? SLOW_FACTOR : 1),
          onRecord,
          ...(onNote === undefined ? {} : { onNote }),
          onDone: (rest) => settle(() => resolve(onDone(rest))),
          onFailure: (failure) => settle(() => reject(onFailure?.(failure) ?? this.errorOf(failure, operation))),
          onLost: (error) => settle(() => reject(error)),
        });
        this.writeText(encoded);
        await this.drained();
      }).catch((error: unknown) => settle(() => reject(error)));
    });
  }

  /** Registers a request that is about to be written. */
  expect(pending: Pending): void {
    if (this.#answers.first === undefined) this.#heardAt = performance.now();
    this.#answers.expect(pending, this.#paused);
  }

  writeText(text: RequestText): void {
    for (const part of requestParts(text)) this.write(part);
  }

  write(data: Uint8Array | string): void {
    this.#options.stream.write(data);
  }

  /** The session is busy on this side, so the silence of the agent does not count. */
  noteLife(): void {
    if (this.#answers.first === undefined) this.#heardAt = performance.now();
  }

  /** Resolves when there is room for more. Bytes that were sent count as a sign of life. */
  async drained(): Promise<void> {
    await this.#options.stream.drained();
    this.#heardAt = performance.now();
  }

  /** The error of a failure. Unless it is terminal, it ends the session, and the next session reads a new inventory. */
  errorOf(failure: AgentFailure, operation: Operation): KinsyncError {
    const error = errorOfAgent(failure, operation);
    if (error.retry !== "terminal") queueMicrotask(() => this.#options.lose(error));
    return error;
  }
}
