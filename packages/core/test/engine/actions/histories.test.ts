import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ResolvedAction } from "../../../src/mapping/action.ts";
import type { GangPolicy } from "../../../src/mapping/gang-policy.ts";
import { ALL } from "../gang/support/gang-environment.ts";
import { anyHistory } from "../support/any-history.ts";
import { expectNothingOpen } from "../support/check.ts";
import { advance, useVirtualClock } from "../support/environment.ts";
import { HistoryPlayer } from "../support/history-player.ts";
import type { TimedStep } from "../support/steps.ts";
import { ActionWatch } from "./support/action-watch.ts";
import { actionSteps, someActions } from "./support/history-actions.ts";

/** As in the histories without commands. */
const HISTORIES = Number(process.env["KINSYNC_HISTORIES"] ?? 200);
const SEED = process.env["KINSYNC_HISTORIES"] === undefined ? { seed: 1 } : {};

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

const OPERATIONS = ["open", "claim", "inventory", "stage", "commit", "run"] as const;
const aPolicy = fc.constantFrom<(GangPolicy | undefined)[]>(
  undefined,
  undefined,
  ALL,
  { ...ALL, quorum: 2, timeoutMs: 3_000 },
  { ...ALL, onFailure: "rollback" },
);

/** Roles and indexes stay: the rules name them. */
function withoutRoles(steps: readonly TimedStep[]): TimedStep[] {
  return steps.map(({ step, wait }) => {
    if (step.do !== "label") return { step, wait };
    return { step: { do: "label", pod: step.pod, state: step.state }, wait };
  });
}

/** Commands of a config, the policy of a gang where the workload is one, and what happens. */
const aHistory = someActions.chain((run) =>
  fc.tuple(fc.constant(run), aPolicy, anyHistory(OPERATIONS, actionSteps(run)).map(withoutRoles)),
);

type Played = [player: HistoryPlayer, watch: ActionWatch];

async function play(
  run: readonly ResolvedAction[],
  gang: GangPolicy | undefined,
  steps: readonly TimedStep[],
): Promise<Played> {
  vi.useRealTimers();
  useVirtualClock();
  const player = new HistoryPlayer({ run, gang });
  const watch = new ActionWatch(player.environment, player.model, run);
  player.onTrigger = () => watch.note("retry");
  player.start();
  for (const each of steps) {
    if (each.step.do === "dismiss") watch.note("dismiss");
    await player.play([each]);
  }
  return [player, watch];
}

async function playToTheEnd(
  run: readonly ResolvedAction[],
  gang: GangPolicy | undefined,
  steps: readonly TimedStep[],
): Promise<void> {
  const [player, watch] = await play(run, gang, steps);
  await player.rest();
  watch.expectAtRest();
  player.check({ mayHaveFailed: true });
  player.retryCommands();
  await advance(60_000, 10_000);
  await player.saveAll();
  watch.expectAtRest();
  for (const { targets } of player.environment.engine.view().workloads) {
    for (const { failedRuns } of targets) expect(failedRuns).toBeUndefined();
  }
  player.check();
  const { count } = watch;
  await player.checkQuiet();
  expect(watch.count, "commands at rest").toBe(count);
  await player.end();
  expect(watch.problems).toEqual([]);
}

test("after any history each due command has run after its files, no more often than its rules say, or shows why not", async () => {
  await fc.assert(
    fc.asyncProperty(aHistory, (history) => playToTheEnd(...history)),
    { numRuns: HISTORIES, ...SEED },
  );
}, 3_600_000);

test("a run with commands that is ended at any moment leaves no timer, watch or session behind", async () => {
  const waits = fc.constantFrom(0, 1, 5, 50, 1_000);
  const property = fc.asyncProperty(aHistory, waits, async (history, wait) => {
    const [player] = await play(...history);
    await advance(wait);
    await player.environment.end();
    await advance(10_000);
    expectNothingOpen(player.environment);
  });
  await fc.assert(property, { numRuns: Math.ceil(HISTORIES / 4), ...SEED });
}, 3_600_000);

const RUN = { timeout: 1_000 } as const;
const ORDER_HOLD: ResolvedAction = {
  ...RUN,
  command: "act-order-hold",
  when: ["f", "g"],
  order: ["worker", "head"],
  onFailure: "hold",
};
const EVERY: ResolvedAction = { ...RUN, command: "act-every", when: ["f"] };
const FOLDER: ResolvedAction = { ...RUN, command: "act-folder", when: ["d/"] };
const ONE: ResolvedAction = { ...RUN, command: "act-one", when: ["f"], on: "one" };

/** Histories that failed once. */
test.each<[situation: string, run: readonly ResolvedAction[], steps: readonly TimedStep[]]>([
  [
    "a member whose failure keeps a later role from running ends",
    [ORDER_HOLD],
    [
      { step: { do: "command", pod: 1, command: "act-order-hold", exitCode: 1 }, wait: 2_000 },
      { step: { do: "remove", pod: 1 }, wait: 2_000 },
    ],
  ],
  [
    "a member whose failure keeps a later role from running succeeds after a save that does not concern the command",
    [ORDER_HOLD, FOLDER],
    [
      { step: { do: "command", pod: 1, command: "act-order-hold", exitCode: 1 }, wait: 2_000 },
      { step: { do: "command", pod: 1, command: "act-order-hold", exitCode: 0 }, wait: 0 },
      { step: { do: "save", mappings: [0], files: { f: "0", "d/": "", "d/x": "x" } }, wait: 2_000 },
    ],
  ],
  [
    "a failed command is tried again while files of its next run are on their way",
    [EVERY],
    [
      { step: { do: "command", pod: 0, command: "act-every", exitCode: 1 }, wait: 2_000 },
      { step: { do: "slow", pod: 0 }, wait: 0 },
      { step: { do: "save", mappings: [0], files: { f: "2" } }, wait: 300 },
      { step: { do: "command", pod: 0, command: "act-every", exitCode: 0 }, wait: 0 },
      { step: { do: "trigger" }, wait: 0 },
    ],
  ],
  [
    "the member that failed what one of all runs ends",
    [ONE],
    [
      { step: { do: "command", pod: 0, command: "act-one", exitCode: 1 }, wait: 0 },
      { step: { do: "command", pod: 1, command: "act-one", exitCode: 1 }, wait: 2_000 },
      { step: { do: "command", pod: 0, command: "act-one", exitCode: 0 }, wait: 0 },
      { step: { do: "command", pod: 1, command: "act-one", exitCode: 0 }, wait: 0 },
      { step: { do: "own", pod: 0, teams: ["eval"] }, wait: 2_000 },
    ],
  ],
  [
    "the other member that failed what one of all runs ends",
    [ONE],
    [
      { step: { do: "command", pod: 0, command: "act-one", exitCode: 1 }, wait: 0 },
      { step: { do: "command", pod: 1, command: "act-one", exitCode: 1 }, wait: 2_000 },
      { step: { do: "command", pod: 0, command: "act-one", exitCode: 0 }, wait: 0 },
      { step: { do: "command", pod: 1, command: "act-one", exitCode: 0 }, wait: 0 },
      { step: { do: "own", pod: 1, teams: ["eval"] }, wait: 2_000 },
    ],
  ],
])("%s", async (_situation, run, steps) => {
  await playToTheEnd(run, undefined, steps);
  expect(vi.getTimerCount()).toBe(0);
});
