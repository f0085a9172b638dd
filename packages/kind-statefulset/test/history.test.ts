import { statefulset } from "@kinsync/kind-statefulset";
import { describeChanges, replayHistory } from "@kinsync/core/testing";
import type { HistoryEvent, HistoryMoment } from "@kinsync/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadHistory, loadTranscript } from "./load-history.ts";

const HISTORIES = ["partition-counted-from-ordinals-start", "third-revision-below-the-partition"];

describe.each(HISTORIES)("a StatefulSet on a real cluster: %s", (name) => {
  const events = loadHistory(name);

  test("each change is told as it was", () => {
    expect([...describeChanges(replayHistory(statefulset(), events))]).toEqual(loadTranscript(name));
  });

  test("however the watches overtake each other, the end is the same", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.boolean()), (picks) => {
        const last = [...replayHistory(statefulset(), overtaken(events, picks))].at(-1);
        const expected = [...replayHistory(statefulset(), events)].at(-1);
        expect(last?.judged).toEqual(expected?.judged);
      }),
      { numRuns: 20 },
    );
  });
});

test("with ordinals from 2 and partition 2, ordinals 2 and 3 are kept and 4 and 5 roll", () => {
  const last = [...replayHistory(statefulset(), loadHistory("partition-counted-from-ordinals-start"))].at(-1);
  expect(statesByOrdinal(last)).toEqual({ "2": "kept", "3": "kept", "4": "current", "5": "current" });
});

test("a pod of neither revision below the partition is left alone by the controller", () => {
  const moments = [...replayHistory(statefulset(), loadHistory("third-revision-below-the-partition"))];
  // Generation 5 raised the partition to 3 and changed the template, generation 6 scales down.
  const rolled = moments.findLast(({ objects }) =>
    [...objects.values()].some(({ kind, metadata }) => kind === "StatefulSet" && metadata.generation === 5),
  );
  expect(statesByOrdinal(rolled)).toEqual({ "2": "kept", "3": "kept", "4": "kept", "5": "current" });
  const left = rolled?.judged?.members.find(({ verdict }) => verdict.index === "4");
  expect(left?.verdict.reason.code).toBe("left-by-partition");
});

function statesByOrdinal(moment: HistoryMoment | undefined): Record<string, string> {
  return Object.fromEntries(
    moment?.judged?.members.map(({ verdict }) => [verdict.index ?? "none", verdict.state] as const) ?? [],
  );
}

/** The same events with each watch in its own order, but the watches interleaved anew. */
function overtaken(events: readonly HistoryEvent[], picks: Iterator<boolean>): HistoryEvent[] {
  const sets = events.filter(({ object }) => object.kind === "StatefulSet");
  const pods = events.filter(({ object }) => object.kind === "Pod");
  const merged: HistoryEvent[] = [];
  while (merged.length < events.length) {
    const [first, second] = picks.next().value === true ? [sets, pods] : [pods, sets];
    const event = first.shift() ?? second.shift();
    if (event !== undefined) merged.push(event);
  }
  return merged;
}
