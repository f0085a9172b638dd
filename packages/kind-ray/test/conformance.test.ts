import { job } from "@kinsync/kind-job";
import { raycluster, rayjob, rayservice } from "@kinsync/kind-ray";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

const isolated = new URL("../src/index.ts", import.meta.url);

const kinds = [raycluster(), job()];

for (const kind of [raycluster(), rayjob(), rayservice()]) {
  kindConformance(kind, loadKindCases(new URL(`./fixtures/${kind.name}/`, import.meta.url)), { test, isolated, kinds });
}
