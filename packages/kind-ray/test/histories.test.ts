import { job } from "@kinsync/kind-job";
import { raycluster, rayjob, rayservice } from "@kinsync/kind-ray";
import { failingHistories, historyConformance, loadHistories } from "@kinsync/core/testing";
import { expect, test } from "vitest";
import { rayClusterCounts, rayJobCounts, rayServiceClusters } from "../../../test/support/controller-counts/ray.ts";
import { newestOwnerWins } from "../../../test/support/newest-owner-wins.ts";

const kinds = [raycluster(), job()];

historyConformance(raycluster(), historiesOf("raycluster"), { test, crossCheck: rayClusterCounts });
historyConformance(rayjob(), historiesOf("rayjob"), { test, kinds, crossCheck: rayJobCounts });
historyConformance(rayservice(), historiesOf("rayservice"), { test, kinds, crossCheck: rayServiceClusters });

test("the histories of a RayService refute a rule by which the newest RayCluster wins", () => {
  const failing = failingHistories(newestOwnerWins(rayservice()), historiesOf("rayservice"), { kinds });
  expect(failing).toEqual(["a-rayservice-updates-both-clusters-until-the-switch"]);
});

function historiesOf(kind: string): ReturnType<typeof loadHistories> {
  return loadHistories(new URL(`./histories/${kind}/`, import.meta.url));
}
