import { expect, test } from "vitest";
import { jobset } from "../../../../kind-jobset/src/index.ts";
import { neededResources, ruleOfKind } from "../../../src/resolve/members/rule.ts";
import { object } from "../../support/objects.ts";
import { JOBSETS, LABS, parentKind, TRAIN_JOBS } from "../support/parents.ts";

test("what a workload reads includes what the kinds of delegated children watch", async () => {
  const kinds = [parentKind(LABS, TRAIN_JOBS), parentKind(TRAIN_JOBS, JOBSETS), jobset()];
  const [lab] = kinds;
  if (lab === undefined) throw new Error("no kind");
  const needed = await neededResources(ruleOfKind(lab), object(LABS, "lab"), kinds);
  const texts = needed.map(({ resource, isOptional }) => `${resource.plural}${isOptional ? "?" : ""}`);
  expect([...new Set(texts)].toSorted()).toEqual(["jobs?", "jobsets", "pods", "trainjobs"]);
});

test("kinds that delegate to each other end the list", async () => {
  const kinds = [parentKind(LABS, TRAIN_JOBS), parentKind(TRAIN_JOBS, LABS)];
  const [lab] = kinds;
  if (lab === undefined) throw new Error("no kind");
  const needed = await neededResources(ruleOfKind(lab), object(LABS, "lab"), kinds);
  const texts = needed.map(({ resource }) => resource.plural);
  expect(new Set(texts)).toEqual(new Set(["pods", "trainjobs", "labs"]));
});
