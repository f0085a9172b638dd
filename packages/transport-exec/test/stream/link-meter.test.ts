import { expect, test } from "vitest";
import { LinkMeter } from "../../src/stream/link-meter.ts";

const KIBIBYTE = 1024;

/** A link with a delay and a rate, a clock, and a process that handles what arrives unless it is busy. */
function link(delayMs: number, bytesPerMs: number) {
  let nowMs = 0;
  let freeAtMs = 0;
  let tick: (() => void) | undefined;
  const pongs: number[] = [];
  const meter = new LinkMeter({
    ping: () => pongs.push(Math.max(freeAtMs, nowMs) + 2 * delayMs),
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
  return {
    meter,
    send: (bytes: number): boolean => {
      const isMeasured = meter.wants(bytes);
      if (isMeasured) meter.ping();
      meter.count(bytes);
      freeAtMs = Math.max(freeAtMs, nowMs) + bytes / bytesPerMs;
      if (isMeasured) meter.ping();
      return isMeasured;
    },
    wait: (ms: number) => pass(ms, 0.5),
    isBusy: (ms: number) => pass(ms, ms),
    isTicking: () => tick !== undefined,
  };
}

test("a link that was not measured is not slow", () => {
  const { meter, send } = link(40, 2_500);
  expect(meter.isSlow).toBe(false);
  expect(send(4 * KIBIBYTE)).toBe(false);
  expect(send(36 * KIBIBYTE)).toBe(true);
  expect(meter.isSlow).toBe(false);
});

test.each([
  ["20 Mbit/s with a delay", 40, 2_500, true],
  ["20 Mbit/s without a delay", 0, 2_500, true],
  ["1 Gbit/s with a delay", 100, 125_000, false],
  ["a loopback", 0.02, 1_000_000, false],
])("%s", (_name, delayMs, bytesPerMs, isSlow) => {
  const { meter, send, wait, isTicking } = link(delayMs, bytesPerMs);
  send(36 * KIBIBYTE);
  expect(isTicking()).toBe(true);
  wait(1_000);
  expect(meter.isSlow).toBe(isSlow);
  expect(isTicking()).toBe(false);
});

test("a slow link stays slow although this process was busy when both pongs came", () => {
  const { meter, send, isBusy } = link(0, 2_500);
  send(36 * KIBIBYTE);
  isBusy(40);
  expect(meter.isSlow).toBe(true);
});

test("a fast link that a busy process made slow is fast after the next measurement", () => {
  const { meter, send, wait, isBusy } = link(0, 1_000_000);
  send(36 * KIBIBYTE);
  isBusy(40);
  expect(meter.isSlow).toBe(true);
  wait(1_000);
  send(36 * KIBIBYTE);
  wait(1_000);
  expect(meter.isSlow).toBe(false);
});

test("a pause between two measured parts is no part of the time", () => {
  const { meter, send, wait } = link(0, 1_000_000);
  send(36 * KIBIBYTE);
  wait(15_000);
  send(36 * KIBIBYTE);
  wait(1_000);
  expect(meter.isSlow).toBe(false);
});
