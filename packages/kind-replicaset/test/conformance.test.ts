import { replicaset, replicationcontroller } from "@kinsync/kind-replicaset";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

for (const kind of [replicaset(), replicationcontroller()]) {
  kindConformance(kind, loadKindCases(new URL(`./fixtures/${kind.name}/`, import.meta.url)), { test });
}
