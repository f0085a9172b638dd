import { replicaset, replicationcontroller } from "@kinsync/kind-replicaset";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

const isolated = new URL("../src/index.ts", import.meta.url);

for (const kind of [replicaset(), replicationcontroller()]) {
  kindConformance(kind, loadKindCases(new URL(`./fixtures/${kind.name}/`, import.meta.url)), { test, isolated });
}
