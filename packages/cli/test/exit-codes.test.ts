import { expect, test } from "vitest";
import type { SummaryEvent } from "@kinsync/core";
import { ERRORS } from "@kinsync/core";
import type { ErrorCode } from "@kinsync/core";
import { exitCodeOfSummaries } from "../src/commands/sync.ts";
import { exitCodeOf } from "../src/exit-code.ts";

function summary(counts: Partial<SummaryEvent>): SummaryEvent {
  return {
    event: "summary",
    time: "",
    workload: "pod/x",
    members: 3,
    targets: 3,
    synced: 3,
    stale: 0,
    failed: 0,
    halted: 0,
    waiting: 0,
    failedRuns: 0,
    ...counts,
  };
}

test.each<[situation: string, code: number, ...counts: Partial<SummaryEvent>[]]>([
  ["all in step", 0, {}],
  ["one failed", 3, { synced: 2, failed: 1 }],
  ["one behind", 3, { synced: 2, stale: 1 }],
  ["one halted", 3, { synced: 2, halted: 1 }],
  ["a command that failed", 3, { failedRuns: 1 }],
  ["a container that does not run", 3, { waiting: 1 }],
  ["nobody", 4, { targets: 0, synced: 0 }],
  ["nobody that runs", 4, { targets: 0, synced: 0, waiting: 2 }],
  ["one workload of two with nobody", 4, {}, { targets: 0, synced: 0 }],
  ["one workload with nobody, and one that failed", 3, { synced: 0, failed: 3 }, { targets: 0, synced: 0 }],
])("%s is %i", (_situation, code, ...counts) => {
  expect(exitCodeOfSummaries(counts.map(summary))).toBe(code);
});

test("every error that there is has an exit code of its area", () => {
  const codes = Object.keys(ERRORS) as ErrorCode[];
  const internal = codes.filter((code) => exitCodeOf(code) === 1);
  expect(internal).toEqual(["KINSYNC_INTERNAL"]);
  expect(exitCodeOf("KINSYNC_CLUSTER_UNREACHABLE")).toBe(5);
  expect(exitCodeOf("KINSYNC_CONFIG_INVALID")).toBe(2);
  expect(exitCodeOf("KINSYNC_PLUGIN_CONTRACT")).toBe(2);
  expect(exitCodeOf("KINSYNC_RESOLVE_WORKLOAD")).toBe(2);
  expect(exitCodeOf("KINSYNC_TARGET_FULL")).toBe(3);
  expect(exitCodeOf("KINSYNC_TARGET_PATH")).toBe(2);
});
