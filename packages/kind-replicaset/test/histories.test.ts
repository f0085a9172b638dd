import { replicaset, replicationcontroller } from "@kinsync/kind-replicaset";
import { historyConformance, loadHistories } from "@kinsync/core/testing";
import { test } from "vitest";

for (const kind of [replicaset(), replicationcontroller()]) {
  historyConformance(kind, loadHistories(new URL(`./histories/${kind.name}/`, import.meta.url)), { test });
}
