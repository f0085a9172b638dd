import { describe, expect, test } from "vitest";
import { LinkMeter } from "../../src/stream/link-meter.ts";

const KIBIBYTE = 1024;
const AGENT_BYTES = 36 * KIBIBYTE;

interface Facts {
  readonly delayMs: number;
  readonly bytesPerMs: number;
  readonly isLoopback?: boolean;
}

/** A link with a delay and a rate, a clock, and a process that handles what arrives unless it is busy. */
function link({ delayMs, bytesPerMs, isLoopback = false }: Facts) {
  let nowMs = 0;
  let freeAtMs = 0;
  /** Milliseconds that the server is busy before it answers a ping. */
  let lateMs = 0;
  let pings = 0;
  let tick: (() => void) | undefined;
  const pongs: number[] = [];
  const meter = new LinkMeter({
    isLoopback,
    ping: () => {
      pings += 1;
      pongs.push(Math.max(freeAtMs, nowMs) + 2 * delayMs + lateMs);
    },
    now: () => nowMs,
    every: (newTick) => {
      tick = newTick;
      return () => {
        tick = undefined;
      };
    },
  });
  /** Lets time pass in steps: a tick, then what has arrived. */
  const pass = (ms: number, stepMs: number): void => {
    for (const endMs = nowMs + ms; nowMs < endMs;) {
      nowMs += stepMs;
      tick?.();
      for (; pongs[0] !== undefined && pongs[0] <= nowMs; pongs.shift()) meter.takePong();
    }
  };
  const carry = (bytes: number): void => {
    meter.count(bytes);
    freeAtMs = Math.max(freeAtMs, nowMs) + bytes / bytesPerMs;
  };
  return {
    meter,
    /** As the stream does it: a ping before and behind what is sent at once. */
    send: (bytes: number): boolean => {
      const isMeasured = meter.begins(bytes);
      if (isMeasured) meter.begin();
      carry(bytes);
      if (isMeasured) meter.end();
      return isMeasured;
    },
    carry,
    wait: (ms: number) => pass(ms, 0.5),
    isBusy: (ms: number) => pass(ms, ms),
    serverIsLateBy: (ms: number) => {
      lateMs = ms;
    },
    isTicking: () => tick !== undefined,
    pings: () => pings,
  };
}

test("a link that was not measured is not slow", () => {
  const { meter, send } = link({ delayMs: 40, bytesPerMs: 2_500 });
  meter.start();
  expect(send(4 * KIBIBYTE)).toBe(false);
  expect(send(AGENT_BYTES)).toBe(true);
  expect(meter.isSlow).toBe(false);
  expect(meter.bytesPerSecond).toBe(undefined);
});

test("a link that was not measured may be slow, until its pongs are overdue", () => {
  const { meter, send, wait } = link({ delayMs: 20_000, bytesPerMs: 2_500 });
  meter.start();
  send(AGENT_BYTES);
  wait(9_000);
  expect(meter.mayBeSlow).toBe(true);
  wait(2_000);
  expect(meter.mayBeSlow).toBe(false);
});

test("a slow link may be slow although this process was busy whenever a pong came, and a near one may not", () => {
  const [far, near] = [link({ delayMs: 40, bytesPerMs: 2_500 }), link({ delayMs: 0.1, bytesPerMs: 1_000_000 })];
  far.meter.start();
  far.send(AGENT_BYTES);
  for (let turn = 0; turn < 10; turn += 1) far.isBusy(500);
  expect([far.meter.isSlow, far.meter.mayBeSlow]).toEqual([false, true]);
  near.meter.start();
  near.wait(1);
  expect(near.meter.mayBeSlow).toBe(false);
});

test.each<[string, Facts, boolean]>([
  ["20 Mbit/s with a delay is slow", { delayMs: 40, bytesPerMs: 2_500 }, true],
  [
    "20 Mbit/s behind a tunnel that begins on this machine is slow",
    { delayMs: 20, bytesPerMs: 2_500, isLoopback: true },
    true,
  ],
  ["1 Gbit/s with a delay is not", { delayMs: 100, bytesPerMs: 125_000 }, false],
  ["a server that answers within a millisecond is not", { delayMs: 0.2, bytesPerMs: 2_500 }, false],
  ["a loopback is not", { delayMs: 0.02, bytesPerMs: 1_000_000, isLoopback: true }, false],
])("%s", (_name, facts, isSlow) => {
  const { meter, send, wait, isTicking } = link(facts);
  meter.start();
  wait(1_000);
  send(256 * KIBIBYTE);
  expect(isTicking()).toBe(!meter.bytesPerSecond);
  wait(1_000);
  expect(meter.isSlow).toBe(isSlow);
  expect(isTicking()).toBe(false);
});

describe("a server of this machine", () => {
  const near: Facts = { delayMs: 0.1, bytesPerMs: 1_000_000, isLoopback: true };

  test("is not slow although it is late for every ping but one, and is measured no more", () => {
    const { meter, send, carry, wait, serverIsLateBy, pings } = link(near);
    serverIsLateBy(15);
    meter.start();
    wait(100);
    meter.begin();
    carry(AGENT_BYTES);
    serverIsLateBy(25);
    meter.end();
    wait(300);
    expect(meter.isSlow).toBe(true);
    serverIsLateBy(0);
    send(AGENT_BYTES);
    wait(300);
    expect(meter.isSlow).toBe(false);
    const before = pings();
    expect(send(AGENT_BYTES)).toBe(false);
    serverIsLateBy(15);
    wait(300);
    expect(meter.isSlow).toBe(false);
    expect(pings()).toBe(before);
  });

  test("is not slow although each ping takes some milliseconds", () => {
    const { meter, send, wait, serverIsLateBy } = link(near);
    serverIsLateBy(4);
    meter.start();
    send(AGENT_BYTES);
    wait(300);
    expect(meter.isSlow).toBe(false);
  });

  test("does not count as far while this process is busy whenever a pong comes", () => {
    const { meter, send, isBusy } = link(near);
    meter.start();
    send(AGENT_BYTES);
    for (let turn = 0; turn < 20; turn += 1) isBusy(40);
    expect(meter.isSlow).toBe(false);
  });
});

test("a slow link is slow although this process was busy when both pongs of a measurement came", () => {
  const { meter, send, wait, isBusy } = link({ delayMs: 2, bytesPerMs: 2_500 });
  meter.start();
  wait(100);
  send(AGENT_BYTES);
  isBusy(40);
  expect(meter.isSlow).toBe(true);
});

test("a link that a busy machine made slow is fast after one good measurement", () => {
  const { meter, send, wait, isBusy } = link({ delayMs: 5, bytesPerMs: 1_000_000 });
  meter.start();
  wait(100);
  send(AGENT_BYTES);
  isBusy(40);
  expect(meter.isSlow).toBe(true);
  wait(1_000);
  send(256 * KIBIBYTE);
  wait(1_000);
  expect(meter.isSlow).toBe(false);
});

test("a link near the limit does not change between slow and fast", () => {
  const { meter, send, wait, carry } = link({ delayMs: 5, bytesPerMs: 22_000 });
  meter.start();
  wait(100);
  send(256 * KIBIBYTE);
  wait(1_000);
  expect(meter.isSlow).toBe(true);
  // 30 MB/s: one measurement with less in front of it.
  meter.begin();
  carry(190 * KIBIBYTE);
  meter.count(66 * KIBIBYTE);
  meter.end();
  wait(1_000);
  expect(meter.bytesPerSecond).toBeGreaterThan(25_000_000);
  expect(meter.isSlow).toBe(true);
});

test("a pause between the pings of a measurement is no part of the time", () => {
  const { meter, carry, wait } = link({ delayMs: 5, bytesPerMs: 1_000_000 });
  meter.start();
  wait(100);
  meter.begin();
  carry(AGENT_BYTES);
  wait(15_000);
  carry(AGENT_BYTES);
  meter.end();
  wait(1_000);
  expect(meter.bytesPerSecond).toBe(undefined);
});

describe("a server", () => {
  test.each([
    ["with a delay of 40 ms is far", 40, true],
    ["with a delay of 11 ms is far", 11, true],
    ["with a delay of 5 ms is not", 5, false],
    ["on this machine is not", 0.01, false],
  ])("%s", (_what, delayMs, isFar) => {
    const { meter, wait } = link({ delayMs, bytesPerMs: 2_500 });
    expect(meter.isFar, "before an answer").toBe(false);
    meter.start();
    wait(100);
    expect(meter.isFar).toBe(isFar);
  });

  test("that is far is known as such as soon as this process is not busy anymore", () => {
    const { meter, wait, isBusy } = link({ delayMs: 40, bytesPerMs: 2_500 });
    meter.start();
    isBusy(200);
    expect(meter.isFar).toBe(false);
    wait(100);
    expect(meter.isFar).toBe(true);
  });

  test("that is near does not look far where this process is busy", () => {
    const { meter, wait, isBusy } = link({ delayMs: 2, bytesPerMs: 2_500 });
    meter.start();
    isBusy(200);
    expect(meter.isFar).toBe(false);
    wait(20);
    expect(meter.isFar).toBe(false);
  });
});
