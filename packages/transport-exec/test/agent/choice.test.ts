import { describe, expect, test } from "vitest";
import { describeChoice, selectAgent, type Rejection } from "../../src/agent/choice.ts";
import { readProbe } from "../../src/agent/probe.ts";
import { AGENTS, RUNTIMES, type Runtime } from "../../src/agent/runtimes.ts";

const TOOLS = AGENTS.sh.needs.join(" ");
const ALL = `python3 node ${TOOLS}`;
const MB = 1_000_000;
const memory = (limit: number, used: number, reclaimable = 0): string =>
  [limit, used, reclaimable].map((each) => each * MB).join(" ");

interface Row {
  readonly name: string;
  readonly probe: string;
  readonly testsMs?: number;
  readonly tried?: Partial<Record<Runtime, Rejection>>;
  readonly order?: readonly Runtime[];
  readonly agent: Runtime | undefined;
  readonly reason?: string;
  readonly startLimitMs?: number;
}

const ROWS: readonly Row[] = [
  {
    name: "everything",
    probe: `${ALL}|||`,
    agent: "python3",
    reason: "python3 is preferred, and it works",
    startLimitMs: 250,
  },
  { name: "slow tools", probe: `${ALL}|||`, testsMs: 40, agent: "python3", startLimitMs: 2_000 },
  { name: "no tools", probe: "python3 node|||", agent: "python3", startLimitMs: 5_000 },
  { name: "python3 alone", probe: "python3|||", agent: "python3" },
  {
    name: "node beside a nearly full limit",
    probe: `node ${TOOLS}||${memory(64, 52)}|`,
    agent: "sh",
    reason: "python3: not in the PATH; node: 45 MB do not fit into the 12 MB left of the memory limit; took sh",
  },
  {
    name: "node beside a limit of which file content takes most",
    probe: `node ${TOOLS}||${memory(256, 250, 200)}|`,
    agent: "node",
  },
  {
    name: "more than half of what is left",
    probe: `python3 ${TOOLS}||${memory(64, 44)}|`,
    agent: "sh",
    reason: "python3: 12 MB are more than half of the 20 MB left of the memory limit; node: not in the PATH; took sh",
  },
  {
    name: "more than half of what is left, and no other agent",
    probe: `python3||${memory(64, 44)}|`,
    agent: "python3",
    reason:
      "python3: 12 MB are more than half of the 20 MB left of the memory limit, but no other agent works; took python3",
  },
  { name: "a limit that is full, and no other agent", probe: `python3||${memory(64, 60)}|`, agent: undefined },
  { name: "a version 1 cgroup without a limit", probe: `node||9223372036854771712 900000000 0|`, agent: "node" },
  {
    name: "a dd that loses bytes",
    probe: `node ${TOOLS}|dd||`,
    order: ["sh", "node"],
    agent: "node",
    reason: "sh: these tools do not work as POSIX or GNU tools do: dd; took node",
  },
  {
    name: "a slow interpreter",
    probe: `${ALL}|||`,
    tried: { python3: { verdict: "slow", reason: "no answer within 250 ms", startMs: 250 } },
    agent: "node",
    reason: "python3: no answer within 250 ms; took node",
  },
  { name: "nothing", probe: "|||", agent: undefined },
];

test.each(ROWS)(
  "$name: $agent",
  ({ probe, testsMs = 0, tried = {}, order = RUNTIMES, agent, reason, startLimitMs }) => {
    const facts = readProbe(probe, testsMs);
    const selection = selectAgent(order, facts, new Map(Object.entries(tried) as [Runtime, Rejection][]));
    expect(selection.runtime).toBe(agent);
    expect(selection).toMatchObject(startLimitMs === undefined ? {} : { startLimitMs });
    if (agent === undefined || reason === undefined) return;
    const { memory: limit } = facts;
    const details = { order, startMs: 12.3, memory: limit, forced: selection.forced };
    expect(describeChoice(agent, selection.rejections, details).reason).toBe(reason);
  },
);

describe("the data of a choice", () => {
  test("names every agent with its verdict", () => {
    const facts = readProbe(`node ${TOOLS}||${memory(128, 28)}|`, 0);
    const { rejections } = selectAgent(["python3", "node", "sh"], facts, new Map());
    const details = { order: RUNTIMES, startMs: 40.4, memory: facts.memory };
    expect(describeChoice("node", rejections, details).candidates).toEqual([
      { agent: "python3", verdict: "missing", reason: "not in the PATH" },
      {
        agent: "node",
        verdict: "chosen",
        reason: "it works, and 100 MB of the memory limit are left for its 45 MB",
        startMs: 40,
      },
      { agent: "sh", verdict: "untried", reason: "node is preferred" },
    ]);
  });

  test("says what the options leave out", () => {
    const { candidates } = describeChoice("sh", new Map(), { order: ["sh"], startMs: 0 });
    expect(candidates.map(({ agent, verdict }) => `${agent} ${verdict}`)).toEqual([
      "sh chosen",
      "python3 untried",
      "node untried",
    ]);
  });
});
