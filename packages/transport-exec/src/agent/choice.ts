import type { AgentCandidate, AgentChoice } from "@kinsync/core/contract";
import type { ContainerFacts } from "./probe.ts";
import { AGENTS, RUNTIMES, type Runtime } from "./runtimes.ts";

/** An interpreter is worth its start if that takes no longer than so many saves of the `sh` agent, which starts no interpreter. */
const SAVES_PER_START = 100;
/** Less than this counts as no time: a busy machine delays every start. */
const MIN_START_MS = 250;
/** For an interpreter beside another one, where no `sh` agent can run. */
const START_WITHOUT_TOOLS_MS = 5_000;
/** An agent may take this part of the memory that is left, so that the program of the container keeps the rest. */
const MEMORY_SHARE = 1 / 2;
const MB = 1_000_000;

/** An agent that was started and failed. */
export type Rejection = Pick<AgentCandidate, "verdict" | "reason" | "startMs">;

export interface Selection {
  /** The agent to start; `undefined` if the container can run none. */
  readonly runtime: Runtime | undefined;
  /** Milliseconds that it may take to start; `undefined` if no other agent is left, so that it may take as long as it takes. */
  readonly startLimitMs: number | undefined;
  /** Why not the others, by the name of the agent. */
  readonly rejections: ReadonlyMap<Runtime, Rejection>;
  /** Why the agent would have been rejected if another one worked. */
  readonly forced?: string | undefined;
}

/**
 * Selects the first agent of `order` that the container can run beside what runs there.
 * @param tried agents that were started in this container and failed
 */
export function selectAgent(
  order: readonly Runtime[],
  facts: ContainerFacts,
  tried: ReadonlyMap<Runtime, Rejection>,
): Selection {
  const rejections = new Map<Runtime, Rejection>();
  for (const runtime of order) {
    const rejection = tried.get(runtime) ?? lackOf(runtime, facts) ?? memoryLackOf(runtime, facts);
    if (rejection !== undefined) rejections.set(runtime, rejection);
  }
  const fitting = order.filter((each) => !rejections.has(each));
  // More than its share is better than no agent. What does not fit at all would end the program of the container.
  const tight = order.filter((each) => isTight(each, rejections, facts));
  const [runtime, ...others] = fitting.length > 0 ? fitting : tight;
  const forced = runtime === undefined ? undefined : rejections.get(runtime);
  if (runtime !== undefined) rejections.delete(runtime);
  return {
    runtime,
    startLimitMs: runtime === undefined ? undefined : startLimit(runtime, others, facts),
    rejections,
    forced: forced?.reason,
  };
}

function isTight(runtime: Runtime, rejections: ReadonlyMap<Runtime, Rejection>, { memory }: ContainerFacts): boolean {
  return rejections.get(runtime)?.verdict === "memory" && AGENTS[runtime].memoryBytes <= (memory?.left ?? 0);
}

function startLimit(runtime: Runtime, others: readonly Runtime[], facts: ContainerFacts): number | undefined {
  if (runtime === "sh" || others.length === 0) return undefined;
  return others.includes("sh") ? Math.max(MIN_START_MS, SAVES_PER_START * facts.saveMs) : START_WITHOUT_TOOLS_MS;
}

function lackOf(runtime: Runtime, { found, unusable }: ContainerFacts): Rejection | undefined {
  const missing = AGENTS[runtime].needs.filter((need) => !found.has(need));
  const wrong = AGENTS[runtime].needs.filter((need) => unusable.has(need));
  if (missing.length > 0) {
    const isTools = runtime === "sh" && missing.length > 0;
    return {
      verdict: "missing",
      reason: isTools ? `these tools are missing: ${missing.join(", ")}` : "not in the PATH",
    };
  }
  if (wrong.length > 0) {
    return { verdict: "broken", reason: `these tools do not work as POSIX or GNU tools do: ${wrong.join(", ")}` };
  }
  return undefined;
}

function memoryLackOf(runtime: Runtime, { memory }: ContainerFacts): Rejection | undefined {
  const { memoryBytes } = AGENTS[runtime];
  // The tools of a shell take less than any interpreter, and each of them only for a moment.
  if (memory === undefined || runtime === "sh" || memoryBytes <= memory.left * MEMORY_SHARE) return undefined;
  const left = `the ${megabytes(memory.left)} left of the memory limit`;
  const need = megabytes(memoryBytes);
  const reason =
    memoryBytes > memory.left ? `${need} do not fit into ${left}` : `${need} are more than half of ${left}`;
  return { verdict: "memory", reason };
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / MB)} MB`;
}

/** An agent that did not start within its limit. */
export function slowRejection(startMs: number, saveMs: number): Rejection {
  const saves = `${Math.max(saveMs, MIN_START_MS / SAVES_PER_START).toFixed(1)} ms`;
  return {
    verdict: "slow",
    reason: `no answer within ${Math.round(startMs)} ms, in which sh does ${SAVES_PER_START} saves of ${saves}`,
    startMs: Math.round(startMs),
  };
}

/** Words and data about a choice that was made. */
export function describeChoice(
  chosen: Runtime,
  rejections: ReadonlyMap<Runtime, Rejection>,
  options: {
    readonly order: readonly Runtime[];
    readonly startMs: number;
    readonly memory?: ContainerFacts["memory"];
    readonly forced?: string | undefined;
  },
): AgentChoice {
  const { order, startMs, memory, forced } = options;
  const names = [...order, ...RUNTIMES.filter((runtime) => !order.includes(runtime))];
  const candidates = names.map((agent): AgentCandidate => {
    const rejection = rejections.get(agent);
    if (rejection !== undefined) return { agent, ...rejection };
    if (agent === chosen) {
      return { agent, verdict: "chosen", reason: reasonOfChosen(agent, memory), startMs: Math.round(startMs) };
    }
    const reason = order.includes(agent) ? `${chosen} is preferred` : "the options of the transport leave it out";
    return { agent, verdict: "untried", reason };
  });
  const preferred = candidates.slice(0, names.indexOf(chosen)).filter(({ verdict }) => verdict !== "untried");
  const reasons = preferred.map(({ agent, reason }) => `${agent}: ${reason}`);
  if (forced !== undefined) reasons.push(`${chosen}: ${forced}, but no other agent works`);
  const reason =
    reasons.length === 0 ? `${chosen} is preferred, and it works` : `${reasons.join("; ")}; took ${chosen}`;
  return { reason, candidates };
}

function reasonOfChosen(agent: Runtime, memory: ContainerFacts["memory"]): string {
  if (memory === undefined) return "it works, and the container has no memory limit";
  return `it works, and ${megabytes(memory.left)} of the memory limit are left for its ${megabytes(AGENTS[agent].memoryBytes)}`;
}
