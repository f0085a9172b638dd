import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { losePackets } from "../faults/packet-loss.ts";
import {
  changeLocalFiles,
  expectRecovery,
  holdTransferHalfway,
  LARGE_FILE_BYTES,
  saveLargeFile,
  syncTwoPods,
  syncTwoPodsThroughRelay,
  untilChangesNoticed,
} from "../faults/recovery.ts";
import type { Disruption } from "../faults/relay-connection.ts";
import type { Point } from "../faults/relay.ts";
import { situation } from "../harness/situation.ts";

/** From a reset until all files are synced. */
const AFTER_RESET_MS = 30_000;

/** Until kinsync gives up a silent stream during a batch (20 s) and all files are synced over a new one. */
const AFTER_SILENCE_MS = 60_000;

/** Idle time before kinsync pings an agent (20 s), its time to answer (15 s), and a new stream. */
const AFTER_IDLE_SILENCE_MS = 60_000;

const LOST = ["KINSYNC_TARGET_LOST", "KINSYNC_CLUSTER_UNREACHABLE"];

const STREAM_FAULTS: readonly {
  readonly title: string;
  readonly disruption: Disruption;
  readonly point: Point;
  readonly limitMs: number;
  readonly codes: readonly string[];
}[] = [
  {
    title: "reset at the first byte of a batch",
    disruption: "reset",
    point: { afterBytes: 0 },
    limitMs: AFTER_RESET_MS,
    codes: LOST,
  },
  {
    title: "reset after one frame of a batch",
    disruption: "reset",
    point: { afterBytes: 64 * 1024 },
    limitMs: AFTER_RESET_MS,
    codes: LOST,
  },
  {
    title: "reset in the middle of a batch",
    disruption: "reset",
    point: { afterBytes: LARGE_FILE_BYTES / 2 },
    limitMs: AFTER_RESET_MS,
    codes: LOST,
  },
  {
    title: "reset before the answer to a batch",
    disruption: "reset",
    point: { afterBytes: LARGE_FILE_BYTES, atAnswer: true },
    limitMs: AFTER_RESET_MS,
    codes: LOST,
  },
  {
    title: "silent in the middle of a batch",
    disruption: "silence",
    point: { afterBytes: LARGE_FILE_BYTES / 2 },
    limitMs: AFTER_SILENCE_MS,
    codes: ["KINSYNC_TARGET_TIMEOUT"],
  },
  {
    title: "silent before the answer to a batch",
    disruption: "silence",
    point: { afterBytes: LARGE_FILE_BYTES, atAnswer: true },
    limitMs: AFTER_SILENCE_MS,
    codes: ["KINSYNC_TARGET_TIMEOUT"],
  },
];

for (const { title, disruption, point, limitMs, codes } of STREAM_FAULTS) {
  situation(`a stream ${title} is replaced and the file arrives`, { timeout: 240_000 }, async (fixture) => {
    const { relay, ...synced } = await syncTwoPodsThroughRelay(fixture);
    const since = synced.kinsync.mark();
    const disrupted = relay.disruptAt(disruption, point);
    await saveLargeFile(fixture);
    await disrupted;
    await changeLocalFiles(fixture);
    await expectRecovery(fixture, synced, { since, limitMs, codes });
  });
}

situation("connections that are reset are replaced while idle", {}, async (fixture) => {
  const { relay, ...synced } = await syncTwoPodsThroughRelay(fixture);
  const since = synced.kinsync.mark();
  relay.disrupt("reset");
  await changeLocalFiles(fixture);
  // No report is required if the new connections are open before there is anything to sync.
  await expectRecovery(fixture, synced, { since, limitMs: AFTER_RESET_MS, codes: [] });
});

situation("connections that fall silent are replaced while idle", { timeout: 240_000 }, async (fixture) => {
  const { relay, ...synced } = await syncTwoPodsThroughRelay(fixture);
  const since = synced.kinsync.mark();
  relay.disrupt("silence");
  await fixture.until("each pod has a new stream", () => relay.count("exec") === 2, {
    timeout: AFTER_IDLE_SILENCE_MS,
  });
  await changeLocalFiles(fixture);
  await expectRecovery(fixture, synced, { since, limitMs: AFTER_RESET_MS, codes: [] });
});

situation("a transfer completes after half a minute of silence", { timeout: 240_000 }, async (fixture) => {
  const { relay, ...synced } = await syncTwoPodsThroughRelay(fixture);
  const since = synced.kinsync.mark();
  await holdTransferHalfway(fixture, relay);
  relay.isSilent = true;
  relay.disrupt("silence");
  await changeLocalFiles(fixture);
  await untilChangesNoticed(synced.kinsync, since);
  await delay(30_000);
  relay.resume();
  await expectRecovery(fixture, synced, { since, limitMs: AFTER_RESET_MS, codes: [] });
});

situation(
  "a transfer completes after half a minute of packet loss",
  { needs: ["control"], timeout: 240_000 },
  async (fixture) => {
    const synced = await syncTwoPods(fixture);
    const { kinsync } = synced;
    const since = kinsync.mark();
    await saveLargeFile(fixture, 4 * LARGE_FILE_BYTES);
    await kinsync.until("the transfer progresses", ({ event }) => event === "progress", { since });
    const endLoss = await losePackets(fixture, kinsync);
    expect(kinsync.events.slice(since).filter(({ event }) => event === "synced")).toEqual([]);
    await changeLocalFiles(fixture);
    await untilChangesNoticed(kinsync, since);
    await delay(30_000);
    await endLoss();
    // The kernel doubles its retransmission delay each time: recovery can take as long as the loss did.
    await expectRecovery(fixture, synced, { since, limitMs: 90_000, codes: [] });
  },
);

situation(
  "connections that lose all packets are replaced while idle",
  { needs: ["control"], timeout: 240_000 },
  async (fixture) => {
    const synced = await syncTwoPods(fixture);
    const since = synced.kinsync.mark();
    await losePackets(fixture, synced.kinsync);
    // Until an idle agent did not answer a ping and a new stream is open.
    await delay(45_000);
    await changeLocalFiles(fixture);
    await expectRecovery(fixture, synced, { since, limitMs: AFTER_RESET_MS, codes: [] });
  },
);
