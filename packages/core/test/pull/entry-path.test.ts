import { expect, test } from "vitest";
import { isState, refusalOf, refusalOfTarget } from "../../src/pull/entry-path.ts";

test.each(["a", "a/b", ".hidden", "a b\n'", "..a", "a..", "...", "C:", "back\\slash", "-n", "ü"])(
  "%j is written",
  (path) => {
    expect(refusalOf(path, "linux")).toBeUndefined();
  },
);

test.each([
  "",
  "/",
  "/etc/passwd",
  "..",
  "../a",
  "a/../b",
  "a/..",
  ".",
  "./a",
  "a//b",
  "a/",
  "a\0b",
  ".kinsync-part-1",
  "n".repeat(256),
])("%j is refused", (path) => {
  expect(refusalOf(path, "linux")).toBeTypeOf("string");
});

test.each(["C:", "a\\..\\..\\b", "aux", "nul.txt", "a.", "a ", "a?", "tab\t"])("%j is refused on Windows", (path) => {
  expect(refusalOf(path, "win32")).toBeTypeOf("string");
});

test.each([
  ["l", "f"],
  ["l", "./d//f"],
  ["d/l", "../f"],
  ["d/e/l", "../../f/g"],
  ["l", "."],
])("a link %j to %j stays inside", (path, target) => {
  expect(refusalOfTarget(path, target, "linux")).toBeUndefined();
});

test.each([
  ["l", ""],
  ["l", "/etc"],
  ["l", ".."],
  ["l", "../x"],
  ["d/l", "../.."],
  ["d/l", "./.././../x"],
  // Where `e` is a link, `..` is not the folder that it is in.
  ["l", "e/.."],
  ["d/l", "../e/../../x"],
])("a link %j to %j is refused", (path, target) => {
  expect(refusalOfTarget(path, target, "linux")).toBeTypeOf("string");
});

test("the state of kinsync is not pulled", () => {
  expect([".kinsync", "a/.kinsync/x", ".kinsyncx", "kinsync"].map(isState)).toEqual([true, true, false, false]);
});
