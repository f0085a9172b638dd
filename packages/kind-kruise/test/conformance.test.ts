import kinds from "@kinsync/kind-kruise";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

const isolated = new URL("../src/index.ts", import.meta.url);

for (const kind of kinds()) {
  kindConformance(kind, loadKindCases(new URL(`./fixtures/${kind.name}/`, import.meta.url)), {
    test,
    isolated,
    // The ordinal of a StatefulSet's pod is in its name.
    readsNames: kind.name === "kruise-statefulset",
  });
}
