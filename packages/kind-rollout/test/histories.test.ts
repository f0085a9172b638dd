import { rollout } from "@kinsync/kind-rollout";
import { failingHistories, historyConformance, loadHistories } from "@kinsync/core/testing";
import { expect, test } from "vitest";
import { newestOwnerWins } from "../../../test/support/newest-owner-wins.ts";
import { rolloutCounts } from "../../../test/support/controller-counts/rollout.ts";

const HISTORIES = loadHistories(new URL("./histories/", import.meta.url));

historyConformance(rollout(), HISTORIES, { test, crossCheck: rolloutCounts });

test("the histories refute a rule by which the newest ReplicaSet wins", () => {
  const failing = failingHistories(newestOwnerWins(rollout()), HISTORIES);
  expect(failing).toContain("a-rollout-updates-stable-pods-and-canaries-not-others");
  expect(failing).toContain("an-aborted-rollout-updates-the-stable-pods-only");
});
