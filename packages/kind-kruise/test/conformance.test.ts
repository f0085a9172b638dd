import kinds from "@kinsync/kind-kruise";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

for (const kind of kinds()) {
  kindConformance(kind, loadKindCases(new URL(`./fixtures/${kind.name}/`, import.meta.url)), { test });
}
