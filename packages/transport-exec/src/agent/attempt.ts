import type { AgentChoice, ClusterConnection, PieceEncoding, RootSpec, Target } from "@kinsync/core/contract";
import { lostError, silentError, timeoutError } from "../stream/target-error.ts";
import { LineReader } from "../protocol/answers.ts";
import { ExecStream, type ExecEnd } from "../stream/exec-stream.ts";
import type { ExecStatus } from "../stream/exec-status.ts";
import { oneLine } from "../stream/one-line.ts";
import { unescapePath } from "../protocol/escape.ts";
import { readProcess, type AgentProcess } from "./probe.ts";
import type { Rejection } from "./choice.ts";
import type { Runtime } from "./runtimes.ts";
import { createToken } from "./token.ts";

/** Output before the hello at most. No known shell writes more. */
const MAX_NOISE_BYTES = 64 * 1024;
/** Features of the hello that are encodings. */
const ENCODINGS: readonly PieceEncoding[] = ["gzip", "brotli"];

/** First line of an agent, `= 1 RUNTIME UID INCARNATION FOLDER FEATURES`: facts about itself and the container. */
export interface Hello {
  readonly runtime: Runtime;
  readonly uid: number;
  readonly incarnation: string;
  readonly workingDirectory: string;
  /** What the agent can decompress. Without gzip, none is used. */
  readonly encodings: readonly PieceEncoding[];
  /** True if the agent computes the sums of a file's blocks, and makes a file of them and of new bytes. */
  readonly blocks: boolean;
  /** True if the container has a shell, which `run` with a string needs. */
  readonly shell: boolean;
  /** The program that the agent runs on. */
  readonly program: string;
}

/** An agent after its hello, with its stream. `receive` registers the consumer of its lines, without their token. */
export interface RunningAgent {
  readonly stream: ExecStream;
  readonly hello: Hello;
  /** Its process, as far as it is known. */
  readonly process: AgentProcess | undefined;
  /** Why this agent runs and no other. */
  readonly choice: AgentChoice;
  /** The mapped root whose inventory was requested with the program; `undefined`: none. */
  readonly requested: RootSpec | undefined;
  /** The last 2 KiB that the container wrote to standard error. */
  readonly complaints: () => string;
  receive(onLine: (line: string) => void, onBroken: (error: unknown) => void): void;
}

/** What the hello shows of it. */
export type StartedAgent = Omit<RunningAgent, "choice" | "requested">;

export interface AttemptOptions {
  /** Milliseconds for the handshake, and for each of the agent's first responses. */
  readonly timeout: number;
  readonly pingInterval: number;
  /** A program of the container has written something. Called again where another program had to be started. */
  readonly onAnswer: () => void;
  readonly signal: AbortSignal;
}

/** An attempt failed, but another program may succeed. */
export class Unusable extends Error {
  readonly rejection: Rejection;

  constructor(message: string, rejection: Rejection) {
    super(message);
    this.rejection = rejection;
  }
}

/** The program wrote nothing within a limit that is shorter than the timeout. */
export class Slow extends Error {}

/** One exec stream until its agent has said hello. */
export class Attempt {
  readonly token = createToken();
  /** The process at the other end, as far as it is known. */
  process: AgentProcess | undefined;
  /** Milliseconds that the handshake of the stream took. */
  handshakeMs = 0;
  readonly #cluster: ClusterConnection;
  readonly #target: Target;
  readonly #options: AttemptOptions;
  #stream: ExecStream | undefined;
  #complaints = "";
  #lines: string[] = [];
  #noise = 0;
  #isHeard = false;
  #wake = Promise.withResolvers<void>();
  #sink: ((line: string) => void) | undefined;
  #onBroken: ((error: unknown) => void) | undefined;
  #end: ExecEnd | undefined;
  #broken: unknown;

  constructor(cluster: ClusterConnection, target: Target, options: AttemptOptions) {
    this.#cluster = cluster;
    this.#target = target;
    this.#options = options;
  }

  get stream(): ExecStream {
    if (this.#stream === undefined) throw new Error("the stream was not opened");
    return this.#stream;
  }

  /** Settles when the stream ended; true if the process ended, too. */
  async drop(): Promise<boolean> {
    this.#stream?.drop();
    return this.#stream === undefined || hasExited(await this.#stream.ended);
  }

  async open(command: readonly string[], program: string): Promise<ExecStream> {
    const reader = new LineReader((line) => this.#takeLine(line));
    const beganAt = performance.now();
    const stream = await ExecStream.open(this.#cluster, this.#target, command, {
      signal: this.#options.signal,
      handshakeTimeout: this.#options.timeout,
      pingInterval: this.#options.pingInterval,
      onStdout: (data) => {
        this.#heard(data);
        try {
          reader.push(data);
        } catch (error) {
          this.#broken ??= error;
          stream.drop();
          this.#onBroken?.(error);
        }
      },
      onStderr: (data) => {
        this.#heard(data);
        this.#complaints = (this.#complaints + Buffer.from(data).toString("utf8")).slice(-2048);
      },
    }).catch((error: unknown) => {
      if (this.#options.signal.aborted) throw this.#options.signal.reason;
      if (error instanceof Error && error.name === "TimeoutError") {
        throw timeoutError(this.#target, `${program} did not start`, this.#options.timeout);
      }
      throw error;
    });
    this.#stream = stream;
    this.handshakeMs = performance.now() - beganAt;
    void stream.ended.then((end) => {
      this.#end = end;
      this.#wake.resolve();
    });
    return stream;
  }

  /** Noise counts as well: the exec has reached a container. */
  #heard(data: Uint8Array): void {
    if (this.#isHeard || data.length === 0) return;
    this.#isHeard = true;
    this.#options.onAnswer();
  }

  /**
   * Waits for the hello of an agent whose program was sent.
   * @param limitMs if it is given: throws `Slow` after so many milliseconds
   */
  async hello(parts: Pick<Hello, "runtime" | "shell" | "program">, limitMs?: number): Promise<StartedAgent> {
    const { program } = parts;
    const words = (await this.line("=", program, limitMs)).split(" ");
    const [version, , uid = "", incarnation = "-", workingDirectory = "/", features, ...identity] = words;
    if (version !== "1") throw unusable(`${program} sent an unreadable hello`);
    this.process ??= readProcess(identity);
    const has = (feature: string): boolean => features?.split(",").includes(feature) === true;
    const hello = {
      ...parts,
      uid: Number(uid),
      // Without /proc, the container's ID is the best replacement.
      incarnation: incarnation === "-" ? this.#target.containerId : unescapePath(incarnation),
      workingDirectory: unescapePath(workingDirectory),
      encodings: ENCODINGS.filter(has),
      blocks: has("blocks"),
    };
    return {
      stream: this.stream,
      hello,
      process: this.process,
      complaints: () => oneLine(this.#complaints),
      receive: (onLine, onBroken) => {
        this.#sink = onLine;
        this.#onBroken = onBroken;
        for (const line of this.#lines.splice(0)) onLine(line);
      },
    };
  }

  /** What is not behind the token was written by another program: a profile, a preload, a shim. It changes nothing. */
  #takeLine(line: string): void {
    const at = line.indexOf(this.token);
    if (at === -1) {
      if (this.#sink !== undefined) return;
      this.#noise += line.length;
      if (this.#noise > MAX_NOISE_BYTES)
        throw new Error(`the container wrote ${MAX_NOISE_BYTES} bytes before its hello`);
      return;
    }
    const text = line.slice(at + this.token.length);
    if (this.#sink !== undefined) {
      this.#sink(text);
      return;
    }
    this.#lines.push(text);
    this.#wake.resolve();
  }

  /** The rest of the first line with this mark. */
  async line(mark: string, program: string, limitMs?: number): Promise<string> {
    const { signal, timeout } = this.#options;
    const stop = Promise.withResolvers<void>();
    const onAbort = (): void => stop.resolve();
    signal.addEventListener("abort", onAbort);
    const timer = setTimeout(onAbort, Math.min(timeout, limitMs ?? timeout));
    try {
      for (;;) {
        for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
          if (line.startsWith(`${mark} `)) return line.slice(mark.length + 1).trim();
        }
        if (this.#end !== undefined) throw this.#endBeforeHello(this.#end, program);
        this.#wake = Promise.withResolvers<void>();
        const woken = await Promise.race([this.#wake.promise.then(() => true), stop.promise.then(() => false)]);
        if (woken) continue;
        signal.throwIfAborted();
        if (limitMs !== undefined) throw new Slow();
        if (this.stream.isSilent) throw silentError(this.#target, timeout);
        throw timeoutError(this.#target, `${program} sent nothing`, timeout);
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  #endBeforeHello(end: ExecEnd, program: string): Error {
    const complaints = oneLine(this.#complaints);
    if (this.#broken instanceof Error) return lostError(this.#target, this.#broken.message, this.#broken);
    if (end.why === "error") return lostError(this.#target, end.error.message, end.error);
    if (end.why === "closed") return lostError(this.#target, `closed with code ${end.code} before ${program} answered`);
    if (isAbsent(end.status)) {
      return new Unusable(`no ${program}`, { verdict: "missing", reason: `the container has no ${program}` });
    }
    if (end.status.success || end.status.exitCode !== undefined) {
      // A kill means that the container ended; the program works.
      if (end.status.success || end.status.exitCode === 137 || end.status.exitCode === 143) {
        return lostError(this.#target, `${program} ended before it answered`);
      }
      const how = `ended with exit code ${end.status.exitCode}${complaints === "" ? "" : ` (${complaints})`}`;
      return new Unusable(`${program} ${how}`, { verdict: "broken", reason: `it ${how}` });
    }
    return lostError(this.#target, oneLine(end.status.message));
  }
}

function unusable(reason: string): Unusable {
  return new Unusable(reason, { verdict: "broken", reason });
}

/** True if the runtime reported the end of the process, so that nothing of it is left. `Success` proves nothing: see `ExecEnd`. */
export function hasExited(end: ExecEnd): boolean {
  return end.why === "status" && !end.status.success;
}

/** True if the container runtime (containerd, CRI-O, dockershim) could not find or execute the program. */
function isAbsent(status: ExecStatus): boolean {
  if (status.success) return false;
  if (status.exitCode === 126 || status.exitCode === 127) return true;
  return /executable file not found|no such file or directory|stat \S+: not found|exec format error/i.test(
    status.message,
  );
}
