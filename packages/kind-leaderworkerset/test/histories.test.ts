import { leaderworkerset } from "@kinsync/kind-leaderworkerset";
import { failingHistories, historyConformance, loadHistories } from "@kinsync/core/testing";
import { expect, test } from "vitest";
import { leaderWorkerSetCounts } from "../../../test/support/controller-counts/leaderworkerset.ts";
import { newestOwnerWins } from "../../../test/support/newest-owner-wins.ts";

const HISTORIES = loadHistories(new URL("./histories/", import.meta.url));

historyConformance(leaderworkerset(), HISTORIES, { test, crossCheck: leaderWorkerSetCounts });

test("the histories refute a rule by which pods of the newest StatefulSet win", () => {
  expect(failingHistories(newestOwnerWins(leaderworkerset()), HISTORIES)).toHaveLength(HISTORIES.length);
});
