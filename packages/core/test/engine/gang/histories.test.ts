import fc from "fast-check";
import { afterEach, beforeEach, test, vi } from "vitest";
import type { GangPolicy } from "../../../src/mapping/gang-policy.ts";
import { anyHistory } from "../support/any-history.ts";
import { expectNothingOpen } from "../support/check.ts";
import { advance, useVirtualClock } from "../support/environment.ts";
import { HistoryPlayer } from "../support/history-player.ts";
import type { TimedStep } from "../support/steps.ts";
import { ALL } from "./support/gang-environment.ts";
import { GangWatch } from "./support/gang-watch.ts";

/** As in the histories of members that count for themselves. */
const HISTORIES = Number(process.env["KINSYNC_HISTORIES"] ?? 200);
const SEED = process.env["KINSYNC_HISTORIES"] === undefined ? { seed: 1 } : {};

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

const aHistory = anyHistory(["open", "claim", "inventory", "stage", "stage", "commit"]);
const aPolicy = fc.constantFrom<GangPolicy[]>(
  ALL,
  ALL,
  { ...ALL, quorum: 2 },
  { ...ALL, quorum: "50%", timeoutMs: 1_000 },
  { ...ALL, timeoutMs: 3_000 },
  { ...ALL, onFailure: "rollback" },
);

async function play(policy: GangPolicy, steps: readonly TimedStep[]): Promise<[HistoryPlayer, GangWatch]> {
  vi.useRealTimers();
  useVirtualClock();
  const player = new HistoryPlayer(policy);
  const watch = new GangWatch(player.environment, policy);
  player.start();
  for (const step of steps) {
    await player.play([step]);
    watch.expectNoMixedState();
  }
  return [player, watch];
}

async function playToTheEnd(policy: GangPolicy, steps: readonly TimedStep[]): Promise<void> {
  const [player, watch] = await play(policy, steps);
  await player.rest();
  watch.expectNoMixedState();
  player.check({ mayHaveFailed: true });
  await player.saveAll();
  watch.expectNoMixedState();
  player.check();
  await player.checkQuiet();
  await player.end();
  watch.expectNoMixedState();
}

test("after any history of a gang no target shows bytes that were not released, and all hold the released snapshot or are named", async () => {
  await fc.assert(fc.asyncProperty(aPolicy, aHistory, playToTheEnd), { numRuns: HISTORIES, ...SEED });
}, 3_600_000);

test("a gang that is ended at any moment leaves no timer, watch or session behind", async () => {
  const property = fc.asyncProperty(
    aPolicy,
    aHistory,
    fc.constantFrom(0, 1, 5, 50, 1_000),
    async (policy, steps, wait) => {
      const [player] = await play(policy, steps);
      await advance(wait);
      await player.environment.end();
      await advance(10_000);
      expectNothingOpen(player.environment);
    },
  );
  await fc.assert(property, { numRuns: Math.ceil(HISTORIES / 4), ...SEED });
}, 3_600_000);
