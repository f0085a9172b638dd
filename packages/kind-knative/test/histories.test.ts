import { deployment } from "@kinsync/kind-deployment";
import { knativeservice } from "@kinsync/kind-knative";
import { failingHistories, historyConformance, loadHistories } from "@kinsync/core/testing";
import { expect, test } from "vitest";
import { knativeRevisions } from "../../../test/support/controller-counts/knative.ts";
import { newestOwnerWins } from "../../../test/support/newest-owner-wins.ts";

const HISTORIES = loadHistories(new URL("./histories/", import.meta.url));
const kinds = [deployment()];

historyConformance(knativeservice(), HISTORIES, { test, kinds, crossCheck: knativeRevisions });

test("the histories refute a rule by which pods of the newest ReplicaSet win", () => {
  const failing = failingHistories(newestOwnerWins(knativeservice()), HISTORIES, { kinds });
  expect(failing).toContain("traffic-of-a-knative-service-is-split-and-rolled-back");
});
