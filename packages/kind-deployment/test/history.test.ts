import { deployment } from "@kinsync/kind-deployment";
import { eventsOf, historyConformance, loadHistories, failingHistories, replayHistory } from "@kinsync/core/testing";
import type { HistoryEvent } from "@kinsync/core/testing";
import { describe, expect, test } from "vitest";
import { newestOwnerWins } from "../../../test/support/newest-owner-wins.ts";
import { deploymentCounts } from "../../../test/support/controller-counts/deployment.ts";

const HISTORIES = loadHistories(new URL("./histories/", import.meta.url));

historyConformance(deployment(), HISTORIES, { test, crossCheck: deploymentCounts });

describe.each(["rollout-and-rollback", "recreate-and-deletion"])("a Deployment on a real cluster: %s", (name) => {
  test("a superseded member never becomes current again", () => {
    const gone = new Set<string>();
    const returned: string[] = [];
    for (const { judged } of replayHistory(deployment(), eventsOfHistory(name))) {
      for (const { pod, verdict } of judged?.members ?? []) {
        if (verdict.state === "current" && gone.has(pod.metadata.uid)) returned.push(pod.metadata.name);
        if (verdict.state !== "current" && verdict.state !== "unsettled") gone.add(pod.metadata.uid);
      }
    }
    expect(returned).toEqual([]);
  });
});

test("during the rollback only members of the older ReplicaSet are current", () => {
  const moments = [...replayHistory(deployment(), eventsOfHistory("rollout-and-rollback"))];
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

test("the histories refute a rule by which the newest ReplicaSet wins", () => {
  const newestWins = newestOwnerWins(deployment());
  const failing = failingHistories(newestWins, HISTORIES);
  expect(failing).toContain("rollout-and-rollback");
  expect(failing.filter((name) => name.includes("rollback")).length).toBeGreaterThanOrEqual(3);
});

function eventsOfHistory(name: string): readonly HistoryEvent[] {
  const history = HISTORIES.find((each) => each.name === name);
  if (history === undefined) throw new Error(`the history ${name} does not exist`);
  return eventsOf(history);
}
