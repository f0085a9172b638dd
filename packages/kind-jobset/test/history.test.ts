import { jobset } from "@kinsync/kind-jobset";
import { describeChanges, replayHistory } from "@kinsync/core/testing";
import type { HistoryEvent, HistoryMoment } from "@kinsync/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadHistory, loadTranscript } from "./load-history.ts";

const RESTART_ATTEMPT = "jobset.sigs.k8s.io/restart-attempt";
const HISTORIES = ["restart-after-a-failed-worker", "suspended-resumed-deleted"];

describe.each(HISTORIES)("a JobSet on a real cluster: %s", (name) => {
  const events = loadHistory(name);

  test("each change is told as it was", () => {
    expect([...describeChanges(replayHistory(jobset(), events))]).toEqual(loadTranscript(name));
  });

  test("a member that was told to go never comes back", () => {
    const gone = new Set<string>();
    const returned: string[] = [];
    for (const { judged } of replayHistory(jobset(), events)) {
      for (const { pod, verdict } of judged?.members ?? []) {
        if (verdict.state !== "current") gone.add(pod.metadata.uid);
        else if (gone.has(pod.metadata.uid)) returned.push(pod.metadata.name);
      }
    }
    expect(returned).toEqual([]);
  });

  test("however the watches overtake each other, nothing of a former attempt is current, and the end is the same", () => {
    const end = lastAnswer(replayHistory(jobset(), events));
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(2)), (picks) => {
        const moments = [...replayHistory(jobset(), overtaken(events, picks))];
        for (const { judged, objects } of moments) {
          const root = [...objects.values()].find(({ kind }) => kind === "JobSet");
          for (const { pod, verdict } of judged?.members ?? []) {
            if (verdict.state !== "current") continue;
            const attempt = Number(pod.metadata.labels?.[RESTART_ATTEMPT]);
            expect(attempt).toBeGreaterThanOrEqual(Number(root?.status?.["restarts"] ?? 0));
          }
        }
        expect(lastAnswer(moments)).toEqual(end);
      }),
      { numRuns: 30 },
    );
  });
});

test("after a restart all five members are current again, siblings of one attempt", () => {
  const answer = lastAnswer(replayHistory(jobset(), loadHistory("restart-after-a-failed-worker")));
  expect(answer.map((one) => one.split(" ").slice(1).join(" ")).toSorted()).toEqual([
    "current head 0/0",
    "current worker 0/0",
    "current worker 1/0",
    "current worker 2/0",
    "current worker 3/0",
  ]);
});

function lastAnswer(moments: Iterable<HistoryMoment>): string[] {
  const last = [...moments].at(-1)?.judged;
  return (last?.members ?? []).map(
    ({ pod, verdict }) => `${pod.metadata.name} ${verdict.state} ${verdict.role} ${verdict.index}`,
  );
}

/** The same events with each watch in its own order, but the watches interleaved anew. */
function overtaken(events: readonly HistoryEvent[], picks: Iterator<number>): HistoryEvent[] {
  const queues = ["JobSet", "Job", "Pod"].map((kind) => events.filter(({ object }) => object.kind === kind));
  const merged: HistoryEvent[] = [];
  while (merged.length < events.length) {
    const pick = Number(picks.next().value);
    const queue = [0, 1, 2].map((step) => queues[(pick + step) % 3]).find((one) => one !== undefined && one.length > 0);
    const event = queue?.shift();
    if (event !== undefined) merged.push(event);
  }
  return merged;
}
