import { jobset } from "@kinsync/kind-jobset";
import { kindConformance, loadKindCases } from "@kinsync/core/testing";
import { test } from "vitest";

const isolated = new URL("../src/index.ts", import.meta.url);

const cases = loadKindCases(new URL("./fixtures/", import.meta.url));
const [unlabeled, others] = [true, false].map((has) =>
  cases.filter(({ name }) => (name === "indexes without labels") === has),
);

kindConformance(jobset(), others ?? [], { test, isolated });
// Without the label of the Job's index, the index is the number that ends the Job's name.
kindConformance(jobset(), unlabeled ?? [], { test, isolated, readsNames: true });
