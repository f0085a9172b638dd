import { expect, test } from "vitest";
import { byNearness, didYouMean, nearest, nearestNames } from "../../src/text/did-you-mean.ts";

const KINDS = ["deployment", "statefulset", "daemonset", "replicaset", "jobset", "job", "cronjob", "pod"];

test.each([
  ["a swap of two letters", "trian", ["train", "serve"], ["train"]],
  ["a missing letter", "deploment", KINDS, ["deployment"]],
  ["a letter too many", "deployement", KINDS, ["deployment"]],
  ["a wrong letter", "pot", KINDS, ["pod"]],
  ["two slips in a long word", "deplyomnet", KINDS, ["deployment"]],
  ["another letter case", "Workload", ["workload", "sync"], ["workload"]],
  ["the beginning of a name", "web", ["web-frontend", "web-backend", "db"], ["web-backend", "web-frontend"]],
  ["a name and more", "workload", ["workloads", "sync"], ["workloads"]],
  ["several near names, nearest first", "job", KINDS, ["job", "jobset", "cronjob"]],
  ["more than three near names", "app", ["app-4", "app-3", "app-2", "app-1"], ["app-1", "app-2", "app-3"]],
  ["a name twice", "mian", ["main", "main"], ["main"]],
  ["a two-letter part, which says little", "ob", ["observability"], []],
  ["one letter for another, both short", "a", ["b"], ["b"]],
  ["nothing near", "train", ["x", "database"], []],
  ["an empty word", "", ["sync"], []],
  ["no names", "train", [], []],
])("%s", (_, wanted, names, expected) => {
  expect(nearestNames(wanted, names)).toEqual(expected);
  expect(nearest(wanted, names)).toBe(expected[0]);
});

test("all names can be sorted by nearness, the farthest last", () => {
  expect(byNearness("prd", ["dev", "prod", "staging", "prod"])).toEqual(["prod", "dev", "staging"]);
});

test.each([
  [[], "See kubectl get pods."],
  [["a"], "Did you mean a?"],
  [["a", "b"], "Did you mean a or b?"],
  [["a", "b", "c"], "Did you mean a, b or c?"],
])("%j as a hint", (near, hint) => {
  expect(didYouMean(near, "See kubectl get pods.")).toBe(hint);
});
