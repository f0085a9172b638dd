import { expect, test } from "vitest";
import { folderNames } from "../../src/pull/folder-names.ts";

test.each([
  [["worker", "3"], "worker-3"],
  [["head", undefined], "head"],
  [[undefined, "0"], "0"],
  [["worker", "0/3"], "worker-0-3"],
  [[undefined, undefined], "pod-x"],
  [["..", undefined], "pod-x"],
] as const)("a member with role and index %j has the folder %s", ([role, index], folder) => {
  expect(folderNames([{ role, index, name: "pod-x" }])).toEqual([folder]);
});

test("members whose role and index make the same name have folders that are named as their pods", () => {
  const members = [
    { role: "worker", index: "0/1", name: "a" },
    { role: "worker-0", index: "1", name: "b" },
    { role: "worker", index: "0/2", name: "c" },
  ];
  expect(folderNames(members)).toEqual(["a", "b", "worker-0-2"]);
});
