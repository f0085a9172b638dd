import {
  KinsyncError,
  type AgentChoice,
  type ClusterConnection,
  type PieceEncoding,
  type RootSpec,
  type Target,
} from "@kinsync/core/contract";
import { FIRST_REQUEST_ID } from "../protocol/agent-protocol.ts";
import { quotedList } from "../protocol/quote.ts";
import { compressText, requestParts, type RequestParts } from "../protocol/request-text.ts";
import type { ExecStream } from "../stream/exec-stream.ts";
import { nameOf } from "../stream/target-error.ts";
import {
  Attempt,
  hasExited,
  Slow,
  Unusable,
  type AttemptOptions,
  type RunningAgent,
  type StartedAgent,
} from "./attempt.ts";
import { describeChoice, selectAgent, slowRejection, type Rejection, type Selection } from "./choice.ts";
import type { KnownContainer, KnownContainers } from "./known-containers.ts";
import { MEMORY_FOLDER, probeLine, readProbe, type ContainerFacts } from "./probe.ts";
import { programSource, type FormerAgent } from "./program-source.ts";
import { AGENTS, DIRECT_PROGRAMS, type Runtime } from "./runtimes.ts";
import { FAR_MS } from "../stream/link-meter.ts";
import { sendAhead, type SentAhead } from "./sent-ahead.ts";
import { AGENT_SHELL_COMMAND } from "./shell-command.ts";

/** The container could not skip the agent that was sent with the probe: the next attempt sends none. */
class NothingAhead extends Error {}

export interface StartOptions extends AttemptOptions {
  /** Agents, the preferred one first. */
  readonly runtimes: readonly Runtime[];
  /** Milliseconds without a request after which the agent ends by itself. */
  readonly idleMs: number;
  /** What this run learned of containers. */
  readonly known: KnownContainers;
  /** Its inventory is requested together with the agent's program, so that one round trip brings both answers. Default: none. */
  readonly root?: RootSpec | undefined;
  /** Where the container's memory limit is. Default: where Linux has it. */
  readonly memoryFolder?: string;
}

/**
 * Starts the first agent, in the order of `runtimes`, that the container can run: its programs exist and work, it fits into the memory
 * limit, and it starts quickly enough. Ends what earlier sessions left behind in the container.
 * @throws `KINSYNC_TARGET_NO_AGENT` if it can run none; `KINSYNC_TARGET_LOST` and `_TIMEOUT` if the connection failed
 */
export async function startAgent(
  cluster: ClusterConnection,
  target: Target,
  options: StartOptions,
): Promise<RunningAgent> {
  return await new Start(cluster, target, options).start();
}

class Start {
  readonly #cluster: ClusterConnection;
  readonly #target: Target;
  readonly #options: StartOptions;
  readonly #container: KnownContainer;
  /** Why each agent was rejected, as far as this start knows. */
  readonly #rejections = new Map<Runtime, Rejection>();
  readonly #tried: string[] = [];

  constructor(cluster: ClusterConnection, target: Target, options: StartOptions) {
    this.#cluster = cluster;
    this.#target = target;
    this.#options = options;
    this.#container = options.known.of(target.containerId);
  }

  async start(): Promise<RunningAgent> {
    const { runtimes } = this.#options;
    // An agent that does not work is left out by the next attempt.
    for (let attempts = 0; attempts <= runtimes.length + 1; attempts += 1) {
      let chosen: Runtime | undefined;
      // oxlint-disable-next-line no-await-in-loop -- each attempt depends on the one before
      const agent = await this.#attempt("sh", (attempt) => this.#byShell(attempt, (runtime) => (chosen = runtime)));
      if (agent === undefined) continue;
      if (agent instanceof Unusable) {
        if (chosen === undefined) break;
        this.#container.rejections.set(chosen, agent.rejection);
      } else return agent;
    }
    for (const [runtime, program] of DIRECT_PROGRAMS) {
      if (!runtimes.includes(runtime) || this.#container.rejections.has(runtime)) continue;
      if (this.#rejections.get(runtime)?.verdict === "memory") continue;
      // oxlint-disable-next-line no-await-in-loop -- the preferred one first
      const agent = await this.#attempt(program, (attempt) => this.#byProgram(attempt, runtime, program));
      if (agent instanceof Unusable) this.#rejections.set(runtime, agent.rejection);
      else if (agent !== undefined) return agent;
    }
    throw new KinsyncError(
      "KINSYNC_TARGET_NO_AGENT",
      `${nameOf(this.#target)}: it has no program that can run the agent: ${this.#tried.join("; ")}`,
      { details: { tried: this.#tried } },
    );
  }

  /** Returns the agent, or why this attempt found none; `undefined`: another attempt is to be made. */
  async #attempt(
    program: string,
    use: (attempt: Attempt) => Promise<RunningAgent>,
  ): Promise<RunningAgent | Unusable | undefined> {
    const attempt = new Attempt(this.#cluster, this.#target, this.#options);
    const { known } = this.#options;
    const { containerId } = this.#target;
    try {
      await attempt.open(program === "sh" ? AGENT_SHELL_COMMAND : this.#argvOf(program), program);
      const agent = await use(attempt);
      void agent.stream.ended.then((end) => {
        if (!hasExited(end)) known.leave(containerId, attempt.process, "TERM");
      });
      return agent;
    } catch (error) {
      // A shim that hangs does not end with its input.
      if (!(await attempt.drop())) known.leave(containerId, attempt.process, "KILL");
      if (error instanceof NothingAhead) return undefined;
      if (!(error instanceof Unusable)) throw error;
      this.#tried.push(error.message);
      return error;
    }
  }

  #argvOf(program: string): readonly string[] {
    const [runtime] = DIRECT_PROGRAMS.find(([, each]) => each === program) ?? ["python3"];
    return AGENTS[runtime].argv(program);
  }

  async #byShell(attempt: Attempt, onChosen: (runtime: Runtime) => void): Promise<RunningAgent> {
    const { runtimes, memoryFolder = MEMORY_FOLDER } = this.#options;
    const stream = attempt.stream;
    const sentAt = performance.now();
    const former = [...this.#container.leftBehind];
    const ahead = this.#sendAhead(attempt, former);
    writeAll(stream, [probeLine(attempt.token, memoryFolder, ahead), ...(ahead?.parts ?? [])]);
    await attempt.line("<", "sh");
    const beganAt = performance.now();
    const facts = readProbe(await attempt.line("?", "sh"), performance.now() - beganAt);
    attempt.process = facts.process;
    if (facts.ahead === "skipped" || facts.ahead === "ended") this.#container.takesNothingAhead = true;
    if (facts.ahead === "ended") throw new NothingAhead();
    const selection = selectAgent(runtimes, facts, this.#container.rejections);
    for (const [runtime, rejection] of selection.rejections) this.#rejections.set(runtime, rejection);
    const { runtime } = selection;
    if (runtime === undefined) throw noneOf(runtimes, selection);
    onChosen(runtime);
    const startedAt = performance.now();
    const roundTripMs = beganAt - sentAt;
    if (facts.ahead !== "started") {
      const source = this.#source(attempt, runtime, former, facts.encodings);
      const isPacked = roundTripMs >= FAR_MS && facts.encodings.includes("gzip");
      writeAll(stream, [...becomeAgent(runtime, source, isPacked), ...this.#firstRequest(runtime)]);
    }
    const agent = await this.#hello(attempt, runtime, selection, facts, roundTripMs);
    this.#forget(former);
    const startMs = Math.max(0, performance.now() - startedAt);
    const { memory } = facts;
    const details = { order: runtimes, startMs, memory, forced: selection.forced };
    return this.#running(agent, describeChoice(runtime, selection.rejections, details));
  }

  async #hello(
    attempt: Attempt,
    runtime: Runtime,
    { startLimitMs }: Selection,
    { saveMs }: ContainerFacts,
    roundTripMs: number,
  ): Promise<StartedAgent> {
    const limitMs = startLimitMs === undefined ? undefined : startLimitMs + roundTripMs;
    try {
      return await attempt.hello({ runtime, shell: true, program: runtime }, limitMs);
    } catch (error) {
      if (!(error instanceof Slow) || startLimitMs === undefined) throw error;
      const rejection = slowRejection(startLimitMs, saveMs);
      throw new Unusable(`${runtime}: ${rejection.reason}`, rejection);
    }
  }

  async #byProgram(attempt: Attempt, runtime: Runtime, program: string): Promise<RunningAgent> {
    const { runtimes } = this.#options;
    const startedAt = performance.now();
    const former = [...this.#container.leftBehind];
    const source = this.#source(attempt, runtime, former);
    writeAll(attempt.stream, [withLength(source), ...this.#firstRequest(runtime)]);
    const agent = await attempt.hello({ runtime, shell: false, program });
    this.#forget(former);
    const startMs = performance.now() - startedAt;
    const rejections = new Map([...this.#rejections, ...this.#container.rejections]);
    rejections.delete(runtime);
    if (runtimes.includes("sh") && !rejections.has("sh")) {
      rejections.set("sh", { verdict: "missing", reason: "the container has no shell" });
    }
    return this.#running(agent, describeChoice(runtime, rejections, { order: runtimes, startMs }));
  }

  /** Programs read exactly their own text, so the agent finds this behind it. It only reads: the container may still be another one. */
  #firstRequest(runtime: Runtime): RequestParts {
    const { root } = this.#options;
    if (root === undefined) return [];
    return requestParts(AGENTS[runtime].protocol.inventory(FIRST_REQUEST_ID, root, [], "paths"));
  }

  #sendAhead(attempt: Attempt, former: readonly FormerAgent[]): SentAhead | undefined {
    const { rejections, takesNothingAhead } = this.#container;
    if (takesNothingAhead) return undefined;
    return sendAhead({
      runtimes: this.#options.runtimes,
      hasFailed: (runtime) => rejections.has(runtime),
      handshakeMs: attempt.handshakeMs,
      source: () => this.#source(attempt, "sh", former, ["gzip"]),
      request: () => this.#firstRequest("sh"),
    });
  }

  #running(agent: StartedAgent, choice: AgentChoice): RunningAgent {
    return { ...agent, choice, requested: this.#options.root };
  }

  #source(
    attempt: Attempt,
    runtime: Runtime,
    former: readonly FormerAgent[],
    encodings: readonly PieceEncoding[] = [],
  ): string {
    const idleSeconds = Math.max(1, Math.ceil(this.#options.idleMs / 1000));
    return programSource(runtime, "agent", { token: attempt.token, idleSeconds, former, encodings });
  }

  /** The agent that has just started has ended these. */
  #forget(former: readonly FormerAgent[]): void {
    const { leftBehind } = this.#container;
    for (const each of former) leftBehind.splice(leftBehind.indexOf(each), 1);
  }
}

/** What makes the shell become an agent. */
function becomeAgent(runtime: Runtime, source: string, isPacked: boolean): RequestParts {
  if (runtime !== "sh") {
    // Variables of the image for its own programs must not change the agent.
    return [`unset NODE_OPTIONS; exec ${quotedList(AGENTS[runtime].argv(runtime))}\n${withLength(source)}`];
  }
  const packed = isPacked ? compressText(source)?.packed : undefined;
  const take = (bytes: number): string => `dd bs=${bytes} count=1 iflag=fullblock 2>/dev/null`;
  return packed === undefined
    ? [`eval "$(${take(Buffer.byteLength(source))})"\n${source}`]
    : [`eval "$(${take(packed.length)} | gzip -dc)"\n`, packed];
}

/** A program as an interpreter reads it: see `AgentProgram.argv`. */
function withLength(source: string): string {
  return `${Buffer.byteLength(source)}\n${source}`;
}

function writeAll(stream: ExecStream, parts: RequestParts): void {
  for (const part of parts) stream.write(part);
}

function noneOf(runtimes: readonly Runtime[], { rejections }: Selection): Unusable {
  const reasons = runtimes.map((runtime) => `${runtime}: ${rejections.get(runtime)?.reason ?? "not usable"}`);
  const reason = `it has a shell, but ${reasons.join("; ")}`;
  return new Unusable(reason, { verdict: "missing", reason });
}
