import { describe, expect, test } from "vitest";
import type { PlanOptions } from "../../../src/sync/plan/plan-options.ts";
import { planRoot } from "../../../src/sync/plan/plan.ts";
import { directory, everything, file, link, observed, tree } from "./support/worlds.ts";

const mirror: PlanOptions = { ...everything, mirror: true };

const texts = (plan: ReturnType<typeof planRoot>): string[] => plan.entries.map(({ op, path }) => `${op} ${path}`);
const foreignOf = (plan: ReturnType<typeof planRoot>): string[] => plan.foreign.map(({ path }) => path).sort();

describe("a plan with mirror", () => {
  test("names what kinsync did not create among the deletes", () => {
    const world = observed([file("foreign", "x"), file("placed", "y"), directory("d"), file("d/x", "1")], ["placed"]);
    const plan = planRoot(world, tree([file("a", "1")]), mirror);
    expect(texts(plan)).toEqual(["file a", "delete placed", "delete foreign", "delete d/x", "delete d"]);
    expect(foreignOf(plan)).toEqual(["d", "d/x", "foreign"]);
  });

  test("names a foreign file that a folder replaces, and a foreign folder with its content that a file replaces", () => {
    const world = observed([file("a", "x"), directory("b"), file("b/x", "1")], []);
    const plan = planRoot(world, tree([directory("a"), file("b", "1")]), mirror);
    expect(plan.conflicts).toEqual([]);
    expect(foreignOf(plan)).toEqual(["a", "b", "b/x"]);
  });

  test("names nothing where only files of kinsync are deleted", () => {
    expect(planRoot(observed([file("old", "1")], ["old"]), tree([]), mirror).foreign).toEqual([]);
  });

  test("keeps a folder that keeps ignored content, and does not count it", () => {
    const world = observed([directory("cache"), file("cache/x.log", "1"), file("cache/y", "1")], []);
    const plan = planRoot(world, tree([]), { ...mirror, isExcluded: (path) => path.endsWith(".log") });
    expect(texts(plan)).toEqual(["delete cache/y"]);
  });

  test("leaves mounts, what is below them, and the folders above them", () => {
    const entries = [
      directory("a"),
      directory("a/data"),
      file("a/data/rows", "1"),
      directory("snap"),
      file("b", "1"),
      directory("snapshots"),
    ];
    const world = { ...observed(entries, []), mounts: new Set(["a/data", "snap", "deep/er/mount"]) };
    const plan = planRoot(world, tree([]), mirror);
    expect(texts(plan)).toEqual(["delete snapshots", "delete b"]);
    expect(foreignOf(plan)).toEqual(["b", "snapshots"]);
  });

  test("deletes below a mount what kinsync itself placed there", () => {
    const world = {
      ...observed([directory("data"), file("data/mine", "1"), file("data/theirs", "1")], ["data/mine"]),
      mounts: new Set(["data"]),
    };
    expect(texts(planRoot(world, tree([]), mirror))).toEqual(["delete data/mine"]);
  });

  test("names a conflict where a file should replace a folder with a mount in it", () => {
    const world = { ...observed([directory("a")], []), mounts: new Set(["a/data"]) };
    expect(planRoot(world, tree([file("a", "1")]), mirror).conflicts).toMatchObject([{ path: "a" }]);
  });
});

describe("a plan for a mapped single file", () => {
  const single: PlanOptions = { ...mirror, only: "a.py" };

  test("deletes none of its neighbours", () => {
    const world = observed([file("b", "1"), directory("bin"), file("bin/sh", "1"), link("l", "b")], ["b"]);
    const plan = planRoot(world, tree([file("a.py", "1")]), single);
    expect(texts(plan)).toEqual(["file a.py"]);
    expect(plan.foreign).toEqual([]);
  });

  test("deletes the file that it placed", () => {
    expect(texts(planRoot(observed([file("a.py", "1"), file("b", "1")], ["a.py"]), tree([]), single))).toEqual([
      "delete a.py",
    ]);
  });

  test("replaces no folder of its name, not even with mirror", () => {
    const world = observed([directory("a.py"), file("a.py/x", "1")], ["a.py", "a.py/x"]);
    const plan = planRoot(world, tree([file("a.py", "1")]), single);
    expect(plan.conflicts).toMatchObject([{ path: "a.py", found: "directory" }]);
    expect(plan.entries).toEqual([]);
  });

  test("refuses a tree that holds another path", () => {
    expect(() => planRoot(observed([], []), tree([file("b", "1")]), single)).toThrow("outside of the mapped path");
  });
});
