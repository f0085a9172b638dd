import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MEMBER_STATES_FOR_TEST } from "./support/member-states.ts";
import { advance, useVirtualClock } from "./support/environment.ts";
import { expectNothingOpen } from "./support/check.ts";
import { HistoryPlayer } from "./support/history-player.ts";
import { ALL_MAPPINGS, POD_NAMES } from "./support/model.ts";
import type { Step, TimedStep } from "./support/steps.ts";

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

const aPod = fc.nat(POD_NAMES.length - 1);
const aMapping = fc.nat(ALL_MAPPINGS.length - 1);
const someFiles = fc.constantFrom<Record<string, string>[]>(
  { f: "1" },
  { f: "2", g: "1" },
  { f: "1", "d/": "", "d/x": "1" },
  { d: "a file where a folder was" },
  { f: "-> g", g: "2" },
  { f: "3", "conf/": "", "conf/x": "overridden" },
  { "f.tmp2": "1", h: "2" },
);

const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("save" as const),
      mappings: fc.array(aMapping, { minLength: 1, maxLength: 3 }),
      files: someFiles,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("lose" as const),
      mapping: aMapping,
      state: fc.constantFrom("missing" as const, "empty" as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("label" as const),
      pod: aPod,
      state: fc.constantFrom(...MEMBER_STATES_FOR_TEST),
      role: fc.constantFrom("head" as const, "worker" as const, undefined),
      index: fc.constantFrom("0" as const, "1" as const, undefined),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "start" as const,
        "stop" as const,
        "restart" as const,
        "remove" as const,
        "recreate" as const,
      ),
      pod: aPod,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("own" as const),
      pod: aPod,
      teams: fc.constantFrom<("train" | "eval")[][]>([], ["train"], ["eval"], ["train", "eval"]),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("recreate-team" as const),
      team: fc.constantFrom("train" as const, "eval" as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("fail" as const),
      pod: aPod,
      operation: fc.constantFrom("open" as const, "claim" as const, "inventory" as const, "commit" as const),
      error: fc.constantFrom("lost" as const, "terminal" as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("disconnect" as const, "slow" as const), pod: aPod }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("take-over" as const, "take-volume-over" as const), pod: aPod }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("watches" as const),
      how: fc.constantFrom("drop" as const, "end" as const, "compact" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("trigger" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("trigger-mapping" as const), mapping: aMapping }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("pause" as const, "resume" as const),
      team: fc.constantFrom("train" as const, "eval" as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("undo" as const), mapping: aMapping, files: someFiles }) },
);

const aHistory: fc.Arbitrary<TimedStep[]> = fc.array(
  fc.record({ step: aStep, wait: fc.constantFrom(0, 1, 5, 20, 300, 2_000) }),
  { minLength: 1, maxLength: 25 },
);

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
