import { statefulset } from "@kinsync/kind-statefulset";
import { defineKind, verdictOfInactivePod } from "@kinsync/core/contract";
import { eventsOf, historyConformance, loadHistories, failingHistories, replayHistory } from "@kinsync/core/testing";
import type { HistoryEvent, HistoryMoment } from "@kinsync/core/testing";
import { expect, test } from "vitest";
import { REVISION_HASH } from "../src/fields.ts";
import { statefulSetCounts } from "../../../test/support/controller-counts/statefulset.ts";

const HISTORIES = loadHistories(new URL("./histories/", import.meta.url));

historyConformance(statefulset(), HISTORIES, { test, crossCheck: statefulSetCounts });

test("with ordinals from 2 and partition 2, ordinals 2 and 3 are kept and 4 and 5 roll", () => {
  const last = [...replayHistory(statefulset(), eventsOfHistory("partition-counted-from-ordinals-start"))].at(-1);
  expect(statesByOrdinal(last)).toEqual({ "2": "kept", "3": "kept", "4": "current", "5": "current" });
});

test("the controller leaves a pod of neither revision below the partition", () => {
  const moments = [...replayHistory(statefulset(), eventsOfHistory("third-revision-below-the-partition"))];
  // Generation 5 raised the partition to 3 and changed the template, generation 6 scales down.
  const rolled = moments.findLast(({ objects }) =>
    [...objects.values()].some(({ kind, metadata }) => kind === "StatefulSet" && metadata.generation === 5),
  );
  expect(statesByOrdinal(rolled)).toEqual({ "2": "kept", "3": "kept", "4": "kept", "5": "current" });
  const left = rolled?.judged?.members.find(({ verdict }) => verdict.index === "4");
  expect(left?.verdict.reason.code).toBe("left-by-partition");
});

test("the histories refute a rule by which every pod of an older revision is superseded", () => {
  const revisionAlone = defineKind({
    ...statefulset(),
    judge: ({ root }) => ({
      pod: ({ pod }) =>
        verdictOfInactivePod(pod) ?? {
          state: pod.metadata.labels?.[REVISION_HASH] === root.status?.["updateRevision"] ? "current" : "superseded",
          reason: { code: "by-revision", message: "the update revision wins" },
        },
    }),
  });
  const failing = failingHistories(revisionAlone, HISTORIES);
  expect(failing).toEqual(
    expect.arrayContaining(["partition-counted-from-ordinals-start", "third-revision-below-the-partition"]),
  );
  expect(failing.some((name) => name.includes("ondelete"))).toBe(true);
});

function statesByOrdinal(moment: HistoryMoment | undefined): Record<string, string> {
  return Object.fromEntries(
    moment?.judged?.members.map(({ verdict }) => [verdict.index ?? "none", verdict.state] as const) ?? [],
  );
}

function eventsOfHistory(name: string): readonly HistoryEvent[] {
  const history = HISTORIES.find((each) => each.name === name);
  if (history === undefined) throw new Error(`the history ${name} does not exist`);
  return eventsOf(history);
}
