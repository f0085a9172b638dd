import fc from "fast-check";
import { vi } from "vitest";
import type { GangPolicy } from "../../../../src/mapping/gang-policy.ts";
import { anyHistory } from "../../support/any-history.ts";
import { useVirtualClock } from "../../support/environment.ts";
import { HistoryPlayer } from "../../support/history-player.ts";
import type { TimedStep } from "../../support/steps.ts";
import { ALL } from "./gang-environment.ts";
import { GangWatch } from "./gang-watch.ts";

export const aGangHistory = anyHistory(["open", "claim", "inventory", "stage", "stage", "commit"]);
export const aPolicy = fc.constantFrom<GangPolicy[]>(
  ALL,
  ALL,
  { ...ALL, quorum: 2 },
  { ...ALL, quorum: "50%", timeoutMs: 1_000 },
  { ...ALL, timeoutMs: 3_000 },
  { ...ALL, onFailure: "rollback" },
);

export async function play(policy: GangPolicy, steps: readonly TimedStep[]): Promise<[HistoryPlayer, GangWatch]> {
  vi.useRealTimers();
  useVirtualClock();
  const player = new HistoryPlayer({ gang: policy });
  const watch = new GangWatch(player.environment, policy);
  player.start();
  for (const step of steps) {
    await player.play([step]);
    watch.expectNoMixedState();
  }
  return [player, watch];
}

export async function playToTheEnd(policy: GangPolicy, steps: readonly TimedStep[]): Promise<void> {
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
