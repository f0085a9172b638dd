import { expect, test } from "vitest";
import type { ProgressEvent } from "@kinsync/core";
import { formatBar } from "../src/render/bar.ts";
import { formatTransfer, Transfers } from "../src/render/progress.ts";

const MIB = 1024 * 1024;

function progress(pod: string, sent: number, total = 100 * MIB): ProgressEvent {
  return {
    event: "progress",
    namespace: "ml",
    time: "",
    workload: "pod/x",
    mapping: "m",
    pod,
    uid: pod,
    container: "main",
    sent,
    total,
  };
}

test("rate and time left come from what was seen, and early ones are not told", () => {
  let now = 0;
  const transfers = new Transfers(() => now);
  transfers.progress(progress("a", 0));
  now = 100;
  transfers.progress(progress("a", 2 * MIB));
  expect(transfers.view()[0]).toMatchObject({ rate: undefined, left: undefined });
  now = 2_000;
  transfers.progress(progress("a", 20 * MIB));
  expect(transfers.view()[0]).toMatchObject({ rate: 10 * MIB, left: 8_000 });
});

test("transfers keep their place, and those that are through are gone", () => {
  const transfers = new Transfers(() => 0);
  transfers.progress(progress("a", 90 * MIB));
  transfers.progress(progress("b", 10 * MIB));
  expect(transfers.view().map(({ pod }) => pod)).toEqual(["a", "b"]);
  transfers.progress(progress("a", 100 * MIB));
  expect(transfers.view().map(({ pod }) => pod)).toEqual(["b"]);
  transfers.end({ uid: "b", container: "main" });
  expect(transfers.view()).toEqual([]);
});

test("a transfer that begins again starts its rate anew", () => {
  let now = 0;
  const transfers = new Transfers(() => now);
  transfers.progress(progress("a", 50 * MIB));
  now = 1_000;
  transfers.progress(progress("a", 1 * MIB));
  expect(transfers.view()[0]).toMatchObject({ sent: 1 * MIB, rate: undefined });
});

test.each([60, 80, 140])("a bar fits %i columns, and the time left is not cut", (width) => {
  const transfer = { pod: "train-worker-0-1", sent: 34 * MIB, total: 100 * MIB, rate: 12 * MIB, left: 5_500 };
  const bar = formatBar(transfer, width);
  expect(bar).toMatch(/train-worker-0-1 +█+░+ {2}34% {2}5\.5 s left/);
  expect(bar.length).toBeLessThanOrEqual(width);
  expect(formatTransfer(transfer)).toBe("sending to train-worker-0-1: 34%, 34 MiB of 100 MiB, 12 MiB/s, 5.5 s left");
});
