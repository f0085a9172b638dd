import { rollout } from "@kinsync/kind-rollout";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

const isolated = new URL("../src/index.ts", import.meta.url);

const cases = loadKindCases(new URL("./fixtures/", import.meta.url));
const [withRestart, others] = [true, false].map((has) =>
  cases.filter((one) => "restartAt" in (one.root.spec ?? {}) === has),
);

kindConformance(rollout(), others ?? [], { test, isolated });
// `restartAt` compares the ages of pods with a time that the user set.
kindConformance(rollout(), withRestart ?? [], { test, isolated, readsCreationTimestamps: true });
