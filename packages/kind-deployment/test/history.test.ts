import { deployment } from "@kinsync/kind-deployment";
import { describeChanges, replayHistory } from "@kinsync/core/testing";
import type { HistoryEvent } from "@kinsync/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadHistory, loadTranscript } from "./load-history.ts";

describe.each(["rollout-and-rollback", "recreate-and-deletion"])("a Deployment on a real cluster: %s", (name) => {
  const events = loadHistory(name);

  test("each change is told as it was", () => {
    expect([...describeChanges(replayHistory(deployment(), events))]).toEqual(loadTranscript(name));
  });

  test("a member that was superseded never comes back", () => {
    const gone = new Set<string>();
    const returned: string[] = [];
    for (const { judged } of replayHistory(deployment(), events)) {
      for (const { pod, verdict } of judged?.members ?? []) {
        if (verdict.state === "current" && gone.has(pod.metadata.uid)) returned.push(pod.metadata.name);
        if (verdict.state !== "current" && verdict.state !== "unsettled") gone.add(pod.metadata.uid);
      }
    }
    expect(returned).toEqual([]);
  });

  test("however the watches overtake each other, the end is the same", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(2)), (picks) => {
        const last = [...replayHistory(deployment(), overtaken(events, picks))].at(-1);
        const expected = [...replayHistory(deployment(), events)].at(-1);
        expect(last?.judged).toEqual(expected?.judged);
      }),
      { numRuns: 20 },
    );
  });
});

test("in the middle of the rollback no member of the newer ReplicaSet is current, and the older one's are", () => {
  const moments = [...replayHistory(deployment(), loadHistory("rollout-and-rollback"))];
  const isObserved = ({ object }: HistoryEvent): boolean =>
    object.kind === "Deployment" && object.status?.["observedGeneration"] === 3;
  const during = moments.slice(moments.findIndex(({ event }) => isObserved(event)));
  const hashes = during.flatMap(({ judged }) =>
    (judged?.members ?? [])
      .filter(({ verdict }) => verdict.state === "current")
      .map(({ pod }) => pod.metadata.labels?.["pod-template-hash"]),
  );
  expect([...new Set(hashes)]).toEqual(["5c46fbc5c9"]);
});

/** The same events with each watch in its own order, but the watches interleaved anew. */
function overtaken(events: readonly HistoryEvent[], picks: Iterator<number>): HistoryEvent[] {
  const queues = ["Deployment", "ReplicaSet", "Pod"].map((kind) => events.filter(({ object }) => object.kind === kind));
  const merged: HistoryEvent[] = [];
  while (merged.length < events.length) {
    const pick = Number(picks.next().value);
    const queue = [0, 1, 2].map((step) => queues[(pick + step) % 3]).find((one) => one !== undefined && one.length > 0);
    const event = queue?.shift();
    if (event !== undefined) merged.push(event);
  }
  return merged;
}
