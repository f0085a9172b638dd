import { expect } from "vitest";
import {
  BIG,
  change,
  changeSeen,
  inStep,
  inStepByRelay,
  inTransfer,
  lasts,
  recovered,
  saveBig,
} from "../faults/recovery.ts";
import type { Blow, Point } from "../faults/relay.ts";
import { losePackets } from "../faults/packet-loss.ts";
import { situation } from "../harness/situation.ts";

/** Milliseconds from a reset until all is there again. */
const AFTER_RESET = 30_000;

/** Milliseconds until kinsync gives a silent stream up in the middle of a batch (20 s), and all is there by a new one. */
const AFTER_SILENCE = 60_000;

/** Milliseconds of quiet after which an agent is asked whether it lives (20 s), of its time to answer (15 s), and of a new stream. */
const AFTER_IDLE_SILENCE = 60_000;

const LOST = ["KINSYNC_TARGET_LOST", "KINSYNC_CLUSTER_UNREACHABLE"];

const BREAKS: readonly {
  readonly title: string;
  readonly blow: Blow;
  readonly point: Point;
  readonly within: number;
  readonly codes: readonly string[];
}[] = [
  {
    title: "is reset at the first byte of a batch",
    blow: "reset",
    point: { after: 0 },
    within: AFTER_RESET,
    codes: LOST,
  },
  {
    title: "is reset after one frame of a batch",
    blow: "reset",
    point: { after: 64 * 1024 },
    within: AFTER_RESET,
    codes: LOST,
  },
  {
    title: "is reset in the middle of a batch",
    blow: "reset",
    point: { after: BIG / 2 },
    within: AFTER_RESET,
    codes: LOST,
  },
  {
    title: "is reset between the last byte of a batch and its answer",
    blow: "reset",
    point: { after: BIG, atAnswer: true },
    within: AFTER_RESET,
    codes: LOST,
  },
  {
    title: "falls silent for ever in the middle of a batch",
    blow: "silence",
    point: { after: BIG / 2 },
    within: AFTER_SILENCE,
    codes: ["KINSYNC_TARGET_TIMEOUT"],
  },
  {
    title: "falls silent for ever between the last byte of a batch and its answer",
    blow: "silence",
    point: { after: BIG, atAnswer: true },
    within: AFTER_SILENCE,
    codes: ["KINSYNC_TARGET_TIMEOUT"],
  },
];

for (const { title, blow, point, within, codes } of BREAKS) {
  situation(`a stream ${title}: the file comes whole by a new one`, { timeout: 240_000 }, async (stage) => {
    const { relay, ...world } = await inStepByRelay(stage);
    const since = world.kinsync.mark();
    const struck = relay.strikeAt(blow, point);
    await saveBig(stage);
    await struck;
    await change(stage);
    await recovered(stage, world, { since, within, codes });
  });
}

situation("all connections are reset while nothing is to do: the next save goes over new ones", {}, async (stage) => {
  const { relay, ...world } = await inStepByRelay(stage);
  const since = world.kinsync.mark();
  relay.strike("reset");
  await change(stage);
  // Where the new ones stand before anything is to do, nothing need be told.
  await recovered(stage, world, { since, within: AFTER_RESET, codes: [] });
});

situation(
  "all connections fall silent for ever while nothing is to do: by the next save there are new ones",
  { timeout: 240_000 },
  async (stage) => {
    const { relay, ...world } = await inStepByRelay(stage);
    const since = world.kinsync.mark();
    relay.strike("silence");
    await stage.until("there is a new stream to each pod", () => relay.count("exec") === 2, {
      within: AFTER_IDLE_SILENCE,
    });
    await change(stage);
    await recovered(stage, world, { since, within: AFTER_RESET, codes: [] });
  },
);

situation(
  "nothing passes for half a minute in the middle of a transfer: all is there when it does again",
  { timeout: 240_000 },
  async (stage) => {
    const { relay, ...world } = await inStepByRelay(stage);
    const since = world.kinsync.mark();
    await inTransfer(stage, relay);
    relay.isSilent = true;
    relay.strike("silence");
    await change(stage);
    await changeSeen(world.kinsync, since);
    await lasts(30_000);
    relay.resume();
    await recovered(stage, world, { since, within: AFTER_RESET, codes: [] });
  },
);

situation(
  "packets are lost for half a minute in the middle of a transfer: all is there when they pass again",
  { needs: ["control"], timeout: 240_000 },
  async (stage) => {
    const world = await inStep(stage);
    const { kinsync } = world;
    const since = kinsync.mark();
    await saveBig(stage, 4 * BIG);
    await kinsync.until("bytes are on their way", ({ event }) => event === "progress", { since });
    const pass = await losePackets(stage);
    expect(kinsync.events.slice(since).filter(({ event }) => event === "synced")).toEqual([]);
    await change(stage);
    await changeSeen(kinsync, since);
    await lasts(30_000);
    await pass();
    // The kernel sends again after a time that it doubles each time: up to as long again as packets were lost.
    await recovered(stage, world, { since, within: 90_000, codes: [] });
  },
);

situation(
  "packets of all connections are lost for ever while nothing is to do: by the next save there are new ones",
  { needs: ["control"], timeout: 240_000 },
  async (stage) => {
    const world = await inStep(stage);
    const since = world.kinsync.mark();
    await losePackets(stage);
    // Until an idle agent was asked and did not answer, and a new stream stands.
    await lasts(45_000);
    await change(stage);
    await recovered(stage, world, { since, within: AFTER_RESET, codes: [] });
  },
);
