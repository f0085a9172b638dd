import { replicaset, replicationcontroller } from "@kinsync/kind-replicaset";
import { historyConformance, loadHistories } from "@kinsync/core/testing";
import { test } from "vitest";
import { replicaSetCounts } from "../../../test/support/controller-counts/replicaset.ts";

for (const kind of [replicaset(), replicationcontroller()]) {
  const histories = loadHistories(new URL(`./histories/${kind.name}/`, import.meta.url));
  historyConformance(kind, histories, { test, crossCheck: replicaSetCounts });
}
