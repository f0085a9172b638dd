import { jobset } from "@kinsync/kind-jobset";
import kinds, { trainjob } from "@kinsync/kind-kubeflow";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

const isolated = new URL("../src/index.ts", import.meta.url);

for (const kind of kinds()) {
  kindConformance(kind, loadKindCases(new URL(`./fixtures/${kind.name}/`, import.meta.url)), {
    test,
    isolated,
    kinds: kind.name === trainjob().name ? [jobset()] : [],
  });
}
