import type { Readable } from "node:stream";
import type { WebSocket } from "ws";

import type { SessionFacts, SessionFaults } from "./session-faults.ts";
import type { ExecDirection } from "../faults.ts";
import { StatusError } from "../status-error.ts";
import type { ExecProcess } from "../world.ts";

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const CLOSE = 255;

/** Largest frame of output. */
const FRAME_BYTES = 32 * 1024;
/** Above the high mark of unread input, the socket is paused; below the low mark, it resumes. */
const INPUT_HIGH_BYTES = 256 * 1024;
const INPUT_LOW_BYTES = 64 * 1024;
const ENDED = Symbol("end of input");

/** The connection of one session, and its streams. */
export interface SessionOptions {
  readonly facts: SessionFacts;
  readonly faults: SessionFaults;
  readonly protocol: "v4.channel.k8s.io" | "v5.channel.k8s.io";
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Both outputs use the channel of stdout, as with a terminal. */
  readonly tty: boolean;
}

function frame(channel: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([channel]), payload]);
}

/** The last frame of a session, as the real API server words it. */
function statusOf(outcome: { readonly code: number } | { readonly error: string }): unknown {
  if ("code" in outcome && outcome.code === 0) {
    return { metadata: {}, status: "Success" };
  }
  if ("code" in outcome) {
    return {
      metadata: {},
      status: "Failure",
      message: `command terminated with non-zero exit code: command terminated with exit code ${outcome.code}`,
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: String(outcome.code) }] },
    };
  }
  return {
    metadata: {},
    status: "Failure",
    message: `Internal error occurred: ${outcome.error}`,
    reason: "InternalError",
    details: { causes: [{ message: outcome.error }] },
    code: 500,
  };
}

/**
 * One exec session: frames of the channel protocol on one side, a process on the other.
 * Back-pressure goes both ways: a process that reads nothing stops the socket, a client that reads nothing stops the process.
 */
export class ExecSession {
  readonly facts: SessionFacts;
  readonly #socket: WebSocket;
  readonly #options: SessionOptions;
  readonly #over = new AbortController();
  readonly #input: (Buffer | typeof ENDED)[] = [];
  #waiting = 0;
  #wake: (() => void) | undefined;
  #process: ExecProcess | undefined;

  constructor(socket: WebSocket, options: SessionOptions) {
    this.facts = options.facts;
    this.#socket = socket;
    this.#options = options;
    socket.on("message", (data: Buffer) => {
      this.#take(data);
    });
    socket.on("close", () => {
      this.#push(ENDED);
      this.#over.abort(new Error("The session's connection is closed."));
    });
    // A close always follows, and is handled there.
    socket.on("error", () => undefined);
  }

  /** Runs the session to its end. Never rejects. */
  async run(open: () => Promise<ExecProcess>): Promise<void> {
    const { stdout, stderr } = this.#options;
    // The first frame is empty, on the lowest channel that the server writes.
    this.#socket.send(frame(stdout ? STDOUT : stderr ? STDERR : STATUS, Buffer.alloc(0)));
    let process: ExecProcess;
    try {
      process = await open();
    } catch (error) {
      const message = error instanceof StatusError ? `unable to upgrade connection: ${error.message}` : String(error);
      await this.#finish({ error: message });
      return;
    }
    this.#process = process;
    // A process can end without reading all of its input.
    process.stdin.on("error", () => undefined);
    const input = this.#carryInput(process);
    const outputs = Promise.all([
      this.#carryOutput(process.stdout, stdout ? STDOUT : undefined, "stdout"),
      this.#carryOutput(process.stderr, stderr ? (this.#options.tty ? STDOUT : STDERR) : undefined, "stderr"),
    ]);
    const outcome = await process.exit;
    await outputs;
    await this.#finish(
      "error" in outcome
        ? { error: `Internal error occurred: error executing command in container: ${outcome.error}` }
        : outcome,
    );
    this.#push(ENDED);
    await input;
  }

  /** Cuts the connection. The process gets the end of its input and continues, as in a real cluster. */
  drop(): void {
    this.#socket.terminate();
  }

  /** Reports a success although the process runs, and closes. */
  pretendSuccess(): void {
    this.#socket.send(frame(STATUS, Buffer.from(JSON.stringify(statusOf({ code: 0 })))));
    this.#socket.close(1000);
    this.#over.abort(new Error("The session was ended on demand."));
  }

  /** Ends connection and process. */
  kill(): void {
    this.#socket.terminate();
    this.#process?.kill();
  }

  #take(data: Buffer): void {
    const channel = data[0];
    if (channel === STDIN && this.#options.stdin) {
      if (data.length > 1) {
        this.#push(data.subarray(1));
      }
    } else if (channel === CLOSE) {
      if (this.#options.protocol !== "v5.channel.k8s.io" || data.length !== 2) {
        this.drop();
      } else if (data[1] === STDIN) {
        this.#push(ENDED);
      }
    }
  }

  #push(item: Buffer | typeof ENDED): void {
    this.#input.push(item);
    if (item !== ENDED) {
      this.#waiting += item.length;
      if (this.#waiting > INPUT_HIGH_BYTES && !this.#socket.isPaused) {
        this.#socket.pause();
      }
    }
    this.#wake?.();
  }

  async #carryInput(process: ExecProcess): Promise<void> {
    if (!this.#options.stdin) {
      process.stdin.end();
    }
    for (;;) {
      const item = this.#input.shift();
      if (item === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
        continue;
      }
      if (item === ENDED) {
        process.stdin.end();
        return;
      }
      if (!(await this.#carry(item, "stdin", (piece) => this.#write(process, piece)))) {
        process.stdin.end();
        return;
      }
      this.#waiting -= item.length;
      if (this.#waiting < INPUT_LOW_BYTES && this.#socket.isPaused) {
        this.#socket.resume();
      }
    }
  }

  async #write({ stdin }: ExecProcess, piece: Buffer): Promise<void> {
    if (stdin.destroyed || stdin.writableEnded || stdin.write(piece)) {
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const events = ["drain", "close", "error"] as const;
    const settle = (): void => {
      resolve();
    };
    for (const event of events) {
      stdin.once(event, settle);
    }
    await promise;
    for (const event of events) {
      stdin.off(event, settle);
    }
  }

  async #carryOutput(stream: Readable, channel: number | undefined, direction: ExecDirection): Promise<void> {
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        if (channel === undefined || this.#over.signal.aborted) {
          // Nothing reads the output now; the process must not block on it.
          continue;
        }
        for (let at = 0; at < chunk.length; at += FRAME_BYTES) {
          const part = chunk.subarray(at, at + FRAME_BYTES);
          await this.#carry(part, direction, (piece) => this.#send(frame(channel, piece)));
        }
      }
    } catch {
      // A broken stream ends; the process's exit reports the rest.
    }
  }

  /** Sends as much of a chunk as the faults allow. False if the session is over. */
  async #carry(chunk: Buffer, direction: ExecDirection, move: (piece: Buffer) => Promise<void>): Promise<boolean> {
    let rest = chunk;
    while (rest.length > 0) {
      try {
        const { bytes, cut } = await this.#options.faults.admit(direction, rest.length, this.#over.signal);
        if (bytes > 0) {
          await move(rest.subarray(0, bytes));
        }
        rest = rest.subarray(bytes);
        if (cut) {
          this.drop();
          return false;
        }
      } catch {
        return false;
      }
    }
    return true;
  }

  /** Settles when the frame is written to the socket (this is the back-pressure on the container's output), or the socket is closed. */
  async #send(data: Buffer): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.send(data, () => {
      resolve();
    });
    await promise;
  }

  async #finish(outcome: { readonly code: number } | { readonly error: string }): Promise<void> {
    if (this.#socket.readyState !== this.#socket.OPEN) {
      return;
    }
    await this.#send(frame(STATUS, Buffer.from(JSON.stringify(statusOf(outcome)))));
    this.#socket.close(1000);
    // A paused socket would never read the other side's close.
    this.#socket.resume();
  }
}
