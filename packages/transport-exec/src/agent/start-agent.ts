import { KinsyncError, type ClusterConnection, type Target } from "@kinsync/core/contract";
import { lostError, nameOf, timeoutError } from "../stream/target-error.ts";
import { programSource } from "./program-source.ts";
import { createToken } from "./token.ts";
import { AGENTS, DIRECT_PROGRAMS, RUNTIMES, type Runtime } from "./runtimes.ts";
import type { ExecStatus } from "../stream/exec-status.ts";
import { oneLine } from "../stream/one-line.ts";
import { ExecStream, type ExecEnd } from "../stream/exec-stream.ts";
import { quotedList } from "../protocol/quote.ts";
import { SHELL_COMMAND } from "./shell-command.ts";
import { LineReader } from "../protocol/answers.ts";
import { unescapePath } from "../protocol/escape.ts";

/** Output before the hello at most. No known shell writes more. */
const MAX_NOISE_BYTES = 64 * 1024;

/** First line of an agent, `= 1 RUNTIME UID INCARNATION FOLDER`: facts about itself and the container. */
export interface Hello {
  readonly runtime: Runtime;
  readonly uid: number;
  readonly incarnation: string;
  readonly workingDirectory: string;
  /** True if the container has a shell, which `run` with a string needs. */
  readonly shell: boolean;
  /** The program that the agent runs on. */
  readonly program: string;
}

/** An agent after its hello, with its stream. `receive` registers the consumer of its lines, without their token. */
export interface RunningAgent {
  readonly stream: ExecStream;
  readonly hello: Hello;
  /** The last 2 KiB that the container wrote to standard error. */
  readonly complaints: () => string;
  receive(onLine: (line: string) => void, onBroken: (error: unknown) => void): void;
}

export interface StartOptions {
  readonly runtimes: readonly Runtime[];
  /** Milliseconds for the handshake, and for each of the agent's first responses. */
  readonly timeout: number;
  readonly pingInterval: number;
  /** Milliseconds without a request after which the agent ends by itself. */
  readonly idleMs: number;
  readonly signal: AbortSignal;
}

/** An attempt failed, but another program may succeed. */
class Unusable extends Error {}

/**
 * Starts the first agent, in the order of `runtimes`, that the container can run.
 * @throws `KINSYNC_TARGET_NO_AGENT` if it can run none; `KINSYNC_TARGET_LOST` and `_TIMEOUT` if the connection failed
 */
export async function startAgent(
  cluster: ClusterConnection,
  target: Target,
  options: StartOptions,
): Promise<RunningAgent> {
  const tried: string[] = [];
  const broken = new Set<Runtime>();
  // If a program exists but does not work, the next attempt leaves it out.
  while (broken.size <= RUNTIMES.length) {
    const attempt = new Attempt(cluster, target, options);
    try {
      return await attempt.byShell(broken);
    } catch (error) {
      await attempt.drop();
      if (!(error instanceof Unusable)) throw error;
      tried.push(error.message);
      if (attempt.chosen === undefined) break;
      broken.add(attempt.chosen);
    }
  }
  for (const [runtime, program] of DIRECT_PROGRAMS) {
    if (!options.runtimes.includes(runtime) || broken.has(runtime)) continue;
    const attempt = new Attempt(cluster, target, options);
    try {
      return await attempt.byProgram(runtime, program);
    } catch (error) {
      await attempt.drop();
      if (!(error instanceof Unusable)) throw error;
      tried.push(error.message);
    }
  }
  throw new KinsyncError(
    "KINSYNC_TARGET_NO_AGENT",
    `${nameOf(target)}: it has no program that can run the agent: ${tried.join("; ")}`,
    { details: { tried } },
  );
}

class Attempt {
  /** The selected runtime; `undefined` until one was selected. */
  chosen: Runtime | undefined;
  readonly #cluster: ClusterConnection;
  readonly #target: Target;
  readonly #options: StartOptions;
  readonly #token = createToken();
  #stream: ExecStream | undefined;
  #complaints = "";
  #lines: string[] = [];
  #noise = 0;
  #wake = Promise.withResolvers<void>();
  #sink: ((line: string) => void) | undefined;
  #onBroken: ((error: unknown) => void) | undefined;
  #end: ExecEnd | undefined;
  #broken: unknown;

  constructor(cluster: ClusterConnection, target: Target, options: StartOptions) {
    this.#cluster = cluster;
    this.#target = target;
    this.#options = options;
  }

  async drop(): Promise<void> {
    this.#stream?.drop();
    await this.#stream?.ended;
  }

  async byShell(broken: ReadonlySet<Runtime>): Promise<RunningAgent> {
    const stream = await this.#open(SHELL_COMMAND, "sh");
    stream.write(`${probeLine(this.#token)}\n`);
    const found = new Set((await this.#await("?", "sh")).split(" "));
    const usable = this.#options.runtimes.filter((runtime) => !broken.has(runtime));
    const runtime = usable.find((runtime) => AGENTS[runtime].needs.every((need) => found.has(need)));
    if (runtime === undefined) {
      const missing = AGENTS.sh.needs.filter((need) => !found.has(need));
      throw new Unusable(`it has sh, but not python3 or node, and these tools are missing: ${missing.join(", ")}`);
    }
    this.chosen = runtime;
    const source = this.#source(runtime);
    const size = Buffer.byteLength(source);
    if (runtime === "sh") {
      stream.write(`eval "$(dd bs=${size} count=1 iflag=fullblock 2>/dev/null)"\n${source}`);
    } else {
      // Variables of the image for its own programs must not change the agent.
      stream.write(`unset NODE_OPTIONS; exec ${quotedList(AGENTS[runtime].argv(runtime))}\n${size}\n${source}`);
    }
    return this.#running(stream, runtime, true, runtime);
  }

  async byProgram(runtime: Runtime, program: string): Promise<RunningAgent> {
    this.chosen = runtime;
    const stream = await this.#open(AGENTS[runtime].argv(program), program);
    const source = this.#source(runtime);
    stream.write(`${Buffer.byteLength(source)}\n${source}`);
    return this.#running(stream, runtime, false, program);
  }

  #source(runtime: Runtime): string {
    const idleSeconds = Math.max(1, Math.ceil(this.#options.idleMs / 1000));
    return programSource(runtime, "agent", { token: this.#token, idleSeconds });
  }

  async #running(stream: ExecStream, runtime: Runtime, shell: boolean, program: string): Promise<RunningAgent> {
    const words = (await this.#await("=", program)).split(" ");
    const [version, , uid = "", incarnation = "-", workingDirectory = "/"] = words;
    if (version !== "1") throw new Unusable(`${program} sent an unreadable hello`);
    // Without /proc, the container's ID is the best replacement.
    const token = incarnation === "-" ? this.#target.containerId : unescapePath(incarnation);
    const hello = {
      runtime,
      shell,
      program,
      uid: Number(uid),
      incarnation: token,
      workingDirectory: unescapePath(workingDirectory),
    };
    return {
      stream,
      hello,
      complaints: () => oneLine(this.#complaints),
      receive: (onLine, onBroken) => {
        this.#sink = onLine;
        this.#onBroken = onBroken;
        for (const line of this.#lines.splice(0)) onLine(line);
      },
    };
  }

  async #open(command: readonly string[], program: string): Promise<ExecStream> {
    const reader = new LineReader((line) => this.#takeLine(line));
    const stream = await ExecStream.open(this.#cluster, this.#target, command, {
      signal: this.#options.signal,
      handshakeTimeout: this.#options.timeout,
      pingInterval: this.#options.pingInterval,
      onStdout: (data) => {
        try {
          reader.push(data);
        } catch (error) {
          this.#broken ??= error;
          stream.drop();
          this.#onBroken?.(error);
        }
      },
      onStderr: (data) => {
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
    void stream.ended.then((end) => {
      this.#end = end;
      this.#wake.resolve();
    });
    return stream;
  }

  /** What is not behind the token was written by another program: a profile, a preload, a shim. It changes nothing. */
  #takeLine(line: string): void {
    const at = line.indexOf(this.#token);
    if (at === -1) {
      if (this.#sink !== undefined) return;
      this.#noise += line.length;
      if (this.#noise > MAX_NOISE_BYTES)
        throw new Error(`the container wrote ${MAX_NOISE_BYTES} bytes before its hello`);
      return;
    }
    const text = line.slice(at + this.#token.length);
    if (this.#sink !== undefined) {
      this.#sink(text);
      return;
    }
    this.#lines.push(text);
    this.#wake.resolve();
  }

  /** The rest of the first line with this mark. */
  async #await(mark: string, program: string): Promise<string> {
    const { signal, timeout } = this.#options;
    const stop = Promise.withResolvers<void>();
    const onAbort = (): void => stop.resolve();
    signal.addEventListener("abort", onAbort);
    const timer = setTimeout(onAbort, timeout);
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
    if (isAbsent(end.status)) return new Unusable(`no ${program}`);
    if (end.status.success || end.status.exitCode !== undefined) {
      // A kill means that the container ended; the program works.
      if (end.status.success || end.status.exitCode === 137 || end.status.exitCode === 143) {
        return lostError(this.#target, `${program} ended before it answered`);
      }
      return new Unusable(
        `${program} ended with exit code ${end.status.exitCode}${complaints === "" ? "" : ` (${complaints})`}`,
      );
    }
    return lostError(this.#target, oneLine(end.status.message));
  }
}

/** True if the container runtime (containerd, CRI-O, dockershim) could not find or execute the program. */
function isAbsent(status: ExecStatus): boolean {
  if (status.success) return false;
  if (status.exitCode === 126 || status.exitCode === 127) return true;
  return /executable file not found|no such file or directory|stat \S+: not found|exec format error/i.test(
    status.message,
  );
}

/** One line of shell that reports what the container has, and then executes the next line. */
function probeLine(token: string): string {
  const names = new Set(RUNTIMES.flatMap((runtime) => AGENTS[runtime].needs));
  names.delete("fullblock");
  return (
    `LC_ALL=C; export LC_ALL; t=; for c in ${[...names].join(" ")}; do ` +
    `command -v $c >/dev/null 2>&1 && t="$t $c"; done; ` +
    // Without `fullblock`, `dd` cannot separate a header from the bytes after it on a pipe.
    `[ "$(printf abc | dd bs=3 count=1 iflag=fullblock 2>/dev/null)" = abc ] && t="$t fullblock"; ` +
    `echo "${token}? $t"; IFS= read -r l; eval "$l"`
  );
}
