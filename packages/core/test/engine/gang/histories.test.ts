import fc from "fast-check";
import { afterEach, beforeEach, test, vi } from "vitest";
import { expectNothingOpen } from "../support/check.ts";
import { advance, useVirtualClock } from "../support/environment.ts";
import { aGangHistory, aPolicy, play, playToTheEnd } from "./support/gang-histories.ts";

/** As in the histories of members that count for themselves. */
const HISTORIES = Number(process.env["KINSYNC_HISTORIES"] ?? 200);
const SEED = process.env["KINSYNC_HISTORIES"] === undefined ? { seed: 1 } : {};

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

test("after any history of a gang no target shows bytes that were not released, and all hold the released snapshot or are named", async () => {
  await fc.assert(fc.asyncProperty(aPolicy, aGangHistory, playToTheEnd), { numRuns: HISTORIES, ...SEED });
}, 3_600_000);

test("a gang that is ended at any moment leaves no timer, watch or session behind", async () => {
  const property = fc.asyncProperty(
    aPolicy,
    aGangHistory,
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
