import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LocalResult } from "../../../src/engine/actions/local-command.ts";
import { useVirtualClock } from "../support/environment.ts";
import { expectNothingOpen } from "../support/check.ts";
import type { LocalCommandRun } from "./support/local-machine.ts";
import { LocalPlayer } from "./support/local-player.ts";
import { aLocalHistory, type LocalHistory } from "./support/local-steps.ts";

/** As in the histories without commands on this machine. */
const HISTORIES = Number(process.env["KINSYNC_HISTORIES"] ?? 200);
const SEED = process.env["KINSYNC_HISTORIES"] === undefined ? { seed: 1 } : {};

/** Of the history that is played. */
const machine: { run: LocalCommandRun } = { run: () => Promise.reject(new Error("no history is played")) };

vi.mock(import("../../../src/engine/actions/local-command.ts"), () => ({
  runLocalCommand: ({ command }, { signal }): Promise<LocalResult> => machine.run(String(command), signal),
}));

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

async function play({ options, steps }: LocalHistory): Promise<LocalPlayer> {
  vi.useRealTimers();
  useVirtualClock();
  const player = new LocalPlayer(options);
  machine.run = (command, signal) => player.machine.run(command, signal);
  await player.start();
  for (const each of steps) await player.play(each);
  return player;
}

test("after any history hooks and rebuilds ran for what changed, and nothing else got into the containers", async () => {
  const property = fc.asyncProperty(aLocalHistory, async (history) => {
    const player = await play(history);
    await player.rest();
    player.expectAtRest();
    await player.end();
    expect(player.problems).toEqual([]);
  });
  await fc.assert(property, { numRuns: HISTORIES, ...SEED });
}, 3_600_000);

test("a run that is ended while commands run on this machine leaves no timer, watch or session behind", async () => {
  const property = fc.asyncProperty(aLocalHistory, fc.constantFrom(0, 1, 50, 500), async (history, wait) => {
    const player = await play(history);
    await player.wait(wait);
    await player.end();
    await player.wait(10_000);
    expectNothingOpen(player.environment);
    expect(player.problems).toEqual([]);
  });
  await fc.assert(property, { numRuns: Math.ceil(HISTORIES / 4), ...SEED });
}, 3_600_000);
