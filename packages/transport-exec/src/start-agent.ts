import { KinsyncError, type ClusterConnection, type Target } from "@kinsync/core/contract";
import { lostError, nameOf, timeoutError } from "./agent-error.ts";
import { AGENTS, DIRECT_PROGRAMS, strippedSource, TIERS, type Tier } from "./agents/tiers.ts";
import { plainText, type ExecStatus } from "./exec-status.ts";
import { ExecStream, type ExecEnd } from "./exec-stream.ts";
import { quotedList } from "./quote.ts";
import { SHELL_COMMAND } from "./shell-command.ts";
import { LineReader, unescapePath } from "./wire.ts";

const PROBE_WORD = "kinsync-probe";
/** Output before the hello that is no hello: more than this is no shell that we know. */
const MAX_NOISE = 64 * 1024;

/** What an agent says of itself at its start. */
export interface Hello {
  readonly tier: Tier;
  readonly uid: number;
  readonly incarnation: string;
  readonly workingDirectory: string;
  /** The container has a shell: for `run` with a string. */
  readonly shell: boolean;
  /** The program that the agent runs on. */
  readonly program: string;
}

/** An agent that said hello, with its stream. `receive` takes over the lines. */
export interface RunningAgent {
  readonly stream: ExecStream;
  readonly hello: Hello;
  /** What the container wrote to standard error, at most the last 2 KiB. */
  readonly complaints: () => string;
  receive(onLine: (line: string) => void, onBroken: (error: unknown) => void): void;
}

export interface StartOptions {
  readonly tiers: readonly Tier[];
  /** Milliseconds for the handshake and each of the agent's first answers. */
  readonly timeout: number;
  readonly pingInterval: number;
  readonly signal: AbortSignal;
}

/** One attempt failed in a way that another program may mend. */
class Unusable extends Error {}

/**
 * Starts the best agent that the container can run.
 * @throws `KINSYNC_TARGET_NO_AGENT` where there is none; `KINSYNC_TARGET_LOST` and `_TIMEOUT` where the connection failed
 */
export async function startAgent(
  cluster: ClusterConnection,
  target: Target,
  options: StartOptions,
): Promise<RunningAgent> {
  const tried: string[] = [];
  const broken = new Set<Tier>();
  // A tier whose program is there but does not work is left out, and the shell is asked again.
  while (broken.size <= TIERS.length) {
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
  for (const [tier, program] of DIRECT_PROGRAMS) {
    if (!options.tiers.includes(tier) || broken.has(tier)) continue;
    const attempt = new Attempt(cluster, target, options);
    try {
      return await attempt.byProgram(tier, program);
    } catch (error) {
      await attempt.drop();
      if (!(error instanceof Unusable)) throw error;
      tried.push(error.message);
    }
  }
  throw new KinsyncError(
    "KINSYNC_TARGET_NO_AGENT",
    `${nameOf(target)}: nothing in it can write files for kinsync: ${tried.join("; ")}`,
    { details: { tried } },
  );
}

class Attempt {
  /** The tier that was chosen, once one was. */
  chosen: Tier | undefined;
  readonly #cluster: ClusterConnection;
  readonly #target: Target;
  readonly #options: StartOptions;
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

  async byShell(broken: ReadonlySet<Tier>): Promise<RunningAgent> {
    const stream = await this.#open(SHELL_COMMAND, "sh");
    stream.write(`${probeLine()}\n`);
    const found = new Set((await this.#await(PROBE_WORD, "sh")).split(" ").slice(1));
    const usable = this.#options.tiers.filter((tier) => !broken.has(tier));
    const tier = usable.find((tier) => AGENTS[tier].needs.every((need) => found.has(need)));
    if (tier === undefined) {
      const missing = AGENTS.sh.needs.filter((need) => !found.has(need));
      throw new Unusable(`sh is there, but no python3, perl or node, and it lacks ${missing.join(", ")}`);
    }
    this.chosen = tier;
    const source = strippedSource(tier);
    const size = Buffer.byteLength(source);
    if (tier === "sh") {
      stream.write(`eval "$(dd bs=${size} count=1 iflag=fullblock 2>/dev/null)"\n${source}`);
    } else {
      // Nothing that the image's environment asks of its own programs may change the agent.
      const clean = "unset PERL5OPT PERL5LIB PERL5DB NODE_OPTIONS";
      stream.write(`${clean}; exec ${quotedList(AGENTS[tier].argv(tier))}\n${size}\n${source}`);
    }
    return this.#running(stream, tier, true, tier);
  }

  async byProgram(tier: Tier, program: string): Promise<RunningAgent> {
    this.chosen = tier;
    const stream = await this.#open(AGENTS[tier].argv(program), program);
    const source = strippedSource(tier);
    stream.write(`${Buffer.byteLength(source)}\n${source}`);
    return this.#running(stream, tier, false, program);
  }

  async #running(stream: ExecStream, tier: Tier, shell: boolean, program: string): Promise<RunningAgent> {
    const words = (await this.#await("kinsync", program)).split(" ");
    const [, version, , uid = "", incarnation = "-", workingDirectory = "/"] = words;
    if (version !== "1") throw new Unusable(`${program} gave a hello that makes no sense`);
    // Without /proc the container's id is the best that there is.
    const token = incarnation === "-" ? this.#target.containerId : unescapePath(incarnation);
    const hello = {
      tier,
      shell,
      program,
      uid: Number(uid),
      incarnation: token,
      workingDirectory: unescapePath(workingDirectory),
    };
    return {
      stream,
      hello,
      complaints: () => plainText(this.#complaints),
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
        throw timeoutError(this.#target, `${program} was not started`, this.#options.timeout);
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

  #takeLine(line: string): void {
    if (this.#sink !== undefined) {
      this.#sink(line);
      return;
    }
    this.#noise += line.length;
    if (this.#noise > MAX_NOISE) throw new Error("the container says something, but no hello");
    this.#lines.push(line);
    this.#wake.resolve();
  }

  /** The first line that begins with `word`; what comes before it is noise of the image. */
  async #await(word: string, program: string): Promise<string> {
    const { signal, timeout } = this.#options;
    const stop = Promise.withResolvers<void>();
    const onAbort = (): void => stop.resolve();
    signal.addEventListener("abort", onAbort);
    const timer = setTimeout(onAbort, timeout);
    try {
      for (;;) {
        for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
          if (line.startsWith(`${word} `)) return line;
        }
        if (this.#end !== undefined) throw this.#endBeforeHello(this.#end, program);
        this.#wake = Promise.withResolvers<void>();
        const woken = await Promise.race([this.#wake.promise.then(() => true), stop.promise.then(() => false)]);
        if (woken) continue;
        signal.throwIfAborted();
        throw timeoutError(this.#target, `${program} said nothing`, timeout);
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  #endBeforeHello(end: ExecEnd, program: string): Error {
    const said = plainText(this.#complaints);
    if (this.#broken instanceof Error) return lostError(this.#target, this.#broken.message, this.#broken);
    if (end.why === "error") return lostError(this.#target, end.error.message, end.error);
    if (end.why === "closed") return lostError(this.#target, `closed with code ${end.code} before ${program} answered`);
    if (isAbsent(end.status)) return new Unusable(`no ${program}`);
    if (end.status.success || end.status.exitCode !== undefined) {
      // A kill is the container's end and no fault of the program.
      if (end.status.success || end.status.exitCode === 137 || end.status.exitCode === 143) {
        return lostError(this.#target, `${program} ended before it answered`);
      }
      return new Unusable(`${program} ended with exit code ${end.status.exitCode}${said === "" ? "" : ` (${said})`}`);
    }
    return lostError(this.#target, plainText(end.status.message));
  }
}

/** The runtime could not find or execute the program: containerd, CRI-O, dockershim. */
function isAbsent(status: ExecStatus): boolean {
  if (status.success) return false;
  if (status.exitCode === 126 || status.exitCode === 127) return true;
  return /executable file not found|no such file or directory|stat \S+: not found|exec format error/i.test(
    status.message,
  );
}

/** One line of shell that tells what the container has, and then takes the next line. */
function probeLine(): string {
  const names = new Set(TIERS.flatMap((tier) => AGENTS[tier].needs));
  names.delete("fullblock");
  return (
    `LC_ALL=C; export LC_ALL; t=; for c in ${[...names].join(" ")}; do ` +
    `command -v $c >/dev/null 2>&1 && t="$t $c"; done; ` +
    // Without it a header and the bytes after it cannot be told apart on a pipe.
    `[ "$(printf abc | dd bs=3 count=1 iflag=fullblock 2>/dev/null)" = abc ] && t="$t fullblock"; ` +
    `echo "${PROBE_WORD} $t"; IFS= read -r l; eval "$l"`
  );
}
