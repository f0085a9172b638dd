import { jobset } from "@kinsync/kind-jobset";
import type { ResourceType } from "@kinsync/core/contract";
import {
  eventsOf,
  historyConformance,
  loadHistories,
  failingHistories,
  reorderHistory,
  replayHistory,
} from "@kinsync/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { newestOwnerWins } from "../../../test/support/newest-owner-wins.ts";
import { jobSetCounts } from "../../../test/support/controller-counts/jobset.ts";

const RESTART_ATTEMPT = "jobset.sigs.k8s.io/restart-attempt";
const JOBS: ResourceType = { group: "batch", version: "v1", kind: "Job", plural: "jobs" };
const HISTORIES = loadHistories(new URL("./histories/", import.meta.url));

historyConformance(jobset(), HISTORIES, { test, crossCheck: jobSetCounts });

describe.each(HISTORIES)("a JobSet on a real cluster: $name", (history) => {
  test("a member that is not current never becomes current again", () => {
    const gone = new Set<string>();
    const returned: string[] = [];
    for (const { judged } of replayHistory(jobset(), eventsOf(history))) {
      for (const { pod, verdict } of judged?.members ?? []) {
        if (verdict.state !== "current") gone.add(pod.metadata.uid);
        else if (gone.has(pod.metadata.uid)) returned.push(pod.metadata.name);
      }
    }
    expect(returned).toEqual([]);
  });

  test("in any order of the watches, no member of a former attempt is current", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), (numbers) => {
        const lines = reorderHistory(history.lines, () => Number(numbers.next().value));
        for (const { judged, objects } of replayHistory(jobset(), eventsOf({ lines }))) {
          for (const { pod, verdict } of judged?.members ?? []) {
            if (verdict.state !== "current") continue;
            const job = objects.get(pod.metadata.ownerReferences?.[0]?.uid ?? "");
            const root = objects.get(job?.metadata.ownerReferences?.[0]?.uid ?? "");
            const attempt = Number(pod.metadata.labels?.[RESTART_ATTEMPT]);
            expect(attempt).toBeGreaterThanOrEqual(Number(root?.status?.["restarts"] ?? 0));
          }
        }
      }),
      { numRuns: 10 },
    );
  });
});

test("the histories refute a rule by which the newest Job wins", () => {
  const newestWins = newestOwnerWins(jobset(), { watches: () => ({ watches: [{ resource: JOBS }] }) });
  const failing = failingHistories(newestWins, HISTORIES);
  expect(failing).toEqual(expect.arrayContaining(["restart-after-a-failed-worker", "suspended-resumed-deleted"]));
  expect(failing.length).toBeGreaterThanOrEqual(6);
});
