import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { anyHistory } from "./support/any-history.ts";
import { advance, useVirtualClock } from "./support/environment.ts";
import { expectNothingOpen } from "./support/check.ts";
import { HistoryPlayer } from "./support/history-player.ts";
import type { TimedStep } from "./support/steps.ts";

/**
 * How many histories are played, and from which seed. Each run of `npm test` plays the same ones, so that a failure is one of the change
 * under test; `npm run test:long` plays a hundred times as many, new ones each time.
 */
const HISTORIES = Number(process.env["KINSYNC_HISTORIES"] ?? 200);
const SEED = process.env["KINSYNC_HISTORIES"] === undefined ? { seed: 1 } : {};

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

const aHistory = anyHistory(["open", "claim", "inventory", "commit"]);

async function playToTheEnd(steps: readonly TimedStep[]): Promise<void> {
  vi.useRealTimers();
  useVirtualClock();
  const player = new HistoryPlayer();
  player.start();
  await player.play(steps);
  await player.rest();
  player.check({ mayHaveFailed: true });
  await player.saveAll();
  player.check();
  await player.checkQuiet();
  await player.end();
}

test("after any history every eligible target holds exactly its files, and all that is reported is true", async () => {
  await fc.assert(fc.asyncProperty(aHistory, playToTheEnd), { numRuns: HISTORIES, ...SEED });
}, 3_600_000);

test("a run that is ended at any moment leaves no timer, watch or session behind", async () => {
  const property = fc.asyncProperty(aHistory, fc.constantFrom(0, 1, 5, 50, 1_000), async (steps, wait) => {
    vi.useRealTimers();
    useVirtualClock();
    const player = new HistoryPlayer();
    player.start();
    await player.play(steps);
    await advance(wait);
    await player.environment.end();
    await advance(10_000);
    expectNothingOpen(player.environment);
  });
  await fc.assert(property, { numRuns: Math.ceil(HISTORIES / 4), ...SEED });
}, 3_600_000);

/** Histories that failed once. */
test.each<[situation: string, steps: readonly TimedStep[]]>([
  [
    "a mapping set goes A, B, A",
    [
      { step: { do: "label", pod: 0, state: "kept" }, wait: 2_000 },
      { step: { do: "save", mappings: [0, 1], files: { f: "2" } }, wait: 2_000 },
      { step: { do: "label", pod: 0, state: "current" }, wait: 2_000 },
    ],
  ],
  [
    "a pod that the workload did not own at first returns unsettled",
    [
      { step: { do: "own", pod: 0, teams: [] }, wait: 0 },
      { step: { do: "label", pod: 0, state: "unsettled", role: "head", index: "0" }, wait: 0 },
      { step: { do: "own", pod: 0, teams: ["eval"] }, wait: 0 },
    ],
  ],
  [
    "a member that was taken over stops being eligible and comes back",
    [
      { step: { do: "start", pod: 0 }, wait: 5 },
      { step: { do: "label", pod: 1, state: "helper", role: "head", index: "0" }, wait: 0 },
      { step: { do: "take-over", pod: 1 }, wait: 0 },
      { step: { do: "own", pod: 0, teams: [] }, wait: 5 },
      { step: { do: "label", pod: 1, state: "current", role: "head", index: "0" }, wait: 0 },
    ],
  ],
  [
    "a pod on another node leads a volume whose first folder another run has taken over",
    [
      { step: { do: "own", pod: 0, teams: [] }, wait: 0 },
      { step: { do: "take-volume-over", pod: 0 }, wait: 0 },
      { step: { do: "label", pod: 2, state: "current", role: "head", index: "0" }, wait: 0 },
      { step: { do: "restart", pod: 1 }, wait: 0 },
      { step: { do: "start", pod: 0 }, wait: 0 },
    ],
  ],
  [
    "a pod on another node takes the lead from one that failed",
    [
      { step: { do: "fail", pod: 0, operation: "open", error: "lost" }, wait: 300 },
      { step: { do: "label", pod: 0, state: "helper", role: "head", index: "0" }, wait: 0 },
      { step: { do: "save", mappings: [6, 0], files: { f: "1" } }, wait: 1 },
      { step: { do: "fail", pod: 1, operation: "commit", error: "lost" }, wait: 0 },
      { step: { do: "label", pod: 2, state: "current", role: "head", index: "0" }, wait: 0 },
      { step: { do: "save", mappings: [0], files: { f: "1" } }, wait: 300 },
    ],
  ],
])("%s", async (_situation, steps) => {
  await playToTheEnd(steps);
  expect(vi.getTimerCount()).toBe(0);
});
