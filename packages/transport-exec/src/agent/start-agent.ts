import { KinsyncError, type ClusterConnection, type Target } from "@kinsync/core/contract";
import { quotedList } from "../protocol/quote.ts";
import { nameOf } from "../stream/target-error.ts";
import { Attempt, hasExited, Slow, Unusable, type AttemptOptions, type RunningAgent } from "./attempt.ts";
import { describeChoice, selectAgent, slowRejection, type Rejection, type Selection } from "./choice.ts";
import type { KnownContainer, KnownContainers } from "./known-containers.ts";
import { MEMORY_FOLDER, probeLine, readProbe, type ContainerFacts } from "./probe.ts";
import { programSource, type FormerAgent } from "./program-source.ts";
import { AGENTS, DIRECT_PROGRAMS, type Runtime } from "./runtimes.ts";
import { SHELL_COMMAND } from "./shell-command.ts";

export interface StartOptions extends AttemptOptions {
  /** Agents, the preferred one first. */
  readonly runtimes: readonly Runtime[];
  /** Milliseconds without a request after which the agent ends by itself. */
  readonly idleMs: number;
  /** What this run learned of containers. */
  readonly known: KnownContainers;
  /** A program of the container has answered. Called again where another program had to be started. */
  readonly onAnswer: () => void;
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
    for (let attempts = 0; attempts <= runtimes.length; attempts += 1) {
      let chosen: Runtime | undefined;
      // oxlint-disable-next-line no-await-in-loop -- each attempt depends on the one before
      const agent = await this.#attempt("sh", (attempt) => this.#byShell(attempt, (runtime) => (chosen = runtime)));
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
      if (!(agent instanceof Unusable)) return agent;
      this.#rejections.set(runtime, agent.rejection);
    }
    throw new KinsyncError(
      "KINSYNC_TARGET_NO_AGENT",
      `${nameOf(this.#target)}: it has no program that can run the agent: ${this.#tried.join("; ")}`,
      { details: { tried: this.#tried } },
    );
  }

  /** Returns the agent, or why this attempt found none. */
  async #attempt(program: string, use: (attempt: Attempt) => Promise<RunningAgent>): Promise<RunningAgent | Unusable> {
    const attempt = new Attempt(this.#cluster, this.#target, this.#options);
    const { known } = this.#options;
    const { containerId } = this.#target;
    try {
      await attempt.open(program === "sh" ? SHELL_COMMAND : this.#argvOf(program), program);
      const agent = await use(attempt);
      void agent.stream.ended.then((end) => {
        if (!hasExited(end)) known.leave(containerId, attempt.process, "TERM");
      });
      return agent;
    } catch (error) {
      // A shim that hangs does not end with its input.
      if (!(await attempt.drop())) known.leave(containerId, attempt.process, "KILL");
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
    stream.write(probeLine(attempt.token, memoryFolder));
    await attempt.line("<", "sh");
    this.#options.onAnswer();
    const beganAt = performance.now();
    const facts = readProbe(await attempt.line("?", "sh"), performance.now() - beganAt);
    attempt.process = facts.process;
    const selection = selectAgent(runtimes, facts, this.#container.rejections);
    for (const [runtime, rejection] of selection.rejections) this.#rejections.set(runtime, rejection);
    const { runtime } = selection;
    if (runtime === undefined) throw noneOf(runtimes, selection);
    onChosen(runtime);
    const former = [...this.#container.leftBehind];
    const source = this.#source(attempt, runtime, former);
    const size = Buffer.byteLength(source);
    const startedAt = performance.now();
    if (runtime === "sh") {
      stream.write(`eval "$(dd bs=${size} count=1 iflag=fullblock 2>/dev/null)"\n${source}`);
    } else {
      // Variables of the image for its own programs must not change the agent.
      stream.write(`unset NODE_OPTIONS; exec ${quotedList(AGENTS[runtime].argv(runtime))}\n${size}\n${source}`);
    }
    const roundTripMs = beganAt - sentAt;
    const agent = await this.#hello(attempt, runtime, selection, facts, roundTripMs);
    this.#forget(former);
    const startMs = Math.max(0, performance.now() - startedAt);
    const { memory } = facts;
    const details = { order: runtimes, startMs, memory, forced: selection.forced };
    return { ...agent, choice: describeChoice(runtime, selection.rejections, details) };
  }

  async #hello(
    attempt: Attempt,
    runtime: Runtime,
    { startLimitMs }: Selection,
    { saveMs }: ContainerFacts,
    roundTripMs: number,
  ): Promise<Omit<RunningAgent, "choice">> {
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
    attempt.stream.write(`${Buffer.byteLength(source)}\n${source}`);
    const agent = await attempt.hello({ runtime, shell: false, program });
    this.#options.onAnswer();
    this.#forget(former);
    const startMs = performance.now() - startedAt;
    const rejections = new Map([...this.#rejections, ...this.#container.rejections]);
    rejections.delete(runtime);
    if (runtimes.includes("sh") && !rejections.has("sh")) {
      rejections.set("sh", { verdict: "missing", reason: "the container has no shell" });
    }
    return { ...agent, choice: describeChoice(runtime, rejections, { order: runtimes, startMs }) };
  }

  #source(attempt: Attempt, runtime: Runtime, former: readonly FormerAgent[]): string {
    const idleSeconds = Math.max(1, Math.ceil(this.#options.idleMs / 1000));
    return programSource(runtime, "agent", { token: attempt.token, idleSeconds, former });
  }

  /** The agent that has just started has ended these. */
  #forget(former: readonly FormerAgent[]): void {
    const { leftBehind } = this.#container;
    for (const each of former) leftBehind.splice(leftBehind.indexOf(each), 1);
  }
}

function noneOf(runtimes: readonly Runtime[], { rejections }: Selection): Unusable {
  const reasons = runtimes.map((runtime) => `${runtime}: ${rejections.get(runtime)?.reason ?? "not usable"}`);
  const reason = `it has a shell, but ${reasons.join("; ")}`;
  return new Unusable(reason, { verdict: "missing", reason });
}
