import { jobset } from "@kinsync/kind-jobset";
import { eventsOf, historyConformance, loadHistories, reorderHistory, replayHistory } from "@kinsync/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crossCheck } from "./cross-check.ts";

const RESTART_ATTEMPT = "jobset.sigs.k8s.io/restart-attempt";
const HISTORIES = loadHistories(new URL("../histories/", import.meta.url));

historyConformance(jobset(), HISTORIES, { test, crossCheck });

describe.each(HISTORIES)("a JobSet on a real cluster: $name", (history) => {
  test("a member that was told to go never comes back", () => {
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

  test("however the watches overtake each other, nothing of a former attempt is current", () => {
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
