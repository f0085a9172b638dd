import { expect, test } from "vitest";
import type { SummaryEvent } from "../../src/engine/events.ts";
import { KinsyncError } from "../../src/errors/error.ts";
import { outcomeOf } from "../../src/project/run-result.ts";

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
  ["all up to date", 0, {}],
  ["one failed", 3, { synced: 2, failed: 1 }],
  ["one behind", 3, { synced: 2, stale: 1 }],
  ["one halted", 3, { synced: 2, halted: 1 }],
  ["a command that failed", 3, { failedRuns: 1 }],
  ["a container that does not run", 3, { waiting: 1 }],
  ["no target", 4, { targets: 0, synced: 0 }],
  ["no container that runs", 4, { targets: 0, synced: 0, waiting: 2 }],
  ["one workload of two without a target", 4, {}, { targets: 0, synced: 0 }],
  ["one workload without a target, and one that failed", 3, { synced: 0, failed: 3 }, { targets: 0, synced: 0 }],
])("%s is %i", (_situation, code, ...counts) => {
  expect(outcomeOf(counts.map(summary))).toEqual({ done: code === 0, exitCode: code });
});

test.each([
  ["KINSYNC_RESOLVE_ROLE", 2],
  ["KINSYNC_CLUSTER_FORBIDDEN", 5],
] as const)("%s is %i", (code, exitCode) => {
  const problem = new KinsyncError(code, "a problem");
  expect(outcomeOf([summary({})], problem)).toEqual({ done: false, exitCode, problem });
});
