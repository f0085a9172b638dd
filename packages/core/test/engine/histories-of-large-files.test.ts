import fc from "fast-check";
import { afterEach, beforeEach, test, vi } from "vitest";
import type * as Division from "../../src/sync/plan/division.ts";
import { anyHistory } from "./support/any-history.ts";
import { advance, useVirtualClock } from "./support/environment.ts";
import { expectNothingOpen } from "./support/check.ts";
import { HistoryPlayer } from "./support/history-player.ts";
import type { TimedStep } from "./support/steps.ts";

/** As in `histories.test.ts`. Here, files of a few bytes count as large: they travel in the background, and the others overtake them. */
const HISTORIES = Number(process.env["KINSYNC_HISTORIES"] ?? 200);
const SEED = process.env["KINSYNC_HISTORIES"] === undefined ? { seed: 1 } : {};

vi.mock("../../src/sync/plan/division.ts", async (importOriginal) => ({
  ...(await importOriginal<typeof Division>()),
  LARGE_FILE_BYTES: 10,
}));

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

const aHistory = anyHistory(["open", "claim", "inventory", "stage", "commit"]);

async function play(steps: readonly TimedStep[]): Promise<HistoryPlayer> {
  vi.useRealTimers();
  useVirtualClock();
  const player = new HistoryPlayer();
  player.start();
  await player.play(steps);
  return player;
}

test("after any history with large files every eligible target holds exactly its files", async () => {
  const property = fc.asyncProperty(aHistory, async (steps) => {
    const player = await play(steps);
    await player.rest();
    player.check({ mayHaveFailed: true });
    await player.saveAll();
    player.check();
    await player.checkQuiet();
    await player.end();
  });
  await fc.assert(property, { numRuns: HISTORIES, ...SEED });
}, 3_600_000);

test("a run that is ended while large files are sent leaves no timer, watch or session behind", async () => {
  const property = fc.asyncProperty(aHistory, fc.constantFrom(0, 1, 5, 50, 1_000), async (steps, wait) => {
    const player = await play(steps);
    await advance(wait);
    await player.environment.end();
    await advance(10_000);
    expectNothingOpen(player.environment);
  });
  await fc.assert(property, { numRuns: Math.ceil(HISTORIES / 4), ...SEED });
}, 3_600_000);
