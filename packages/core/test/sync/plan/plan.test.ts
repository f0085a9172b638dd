import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  observedAfter,
  observedFromTree as observedOf,
  type ObservedEntry,
  type ObservedState,
} from "../../../src/sync/plan/observed.ts";
import { planRoot } from "../../../src/sync/plan/plan.ts";
import type { Tree } from "../../../src/mapping/tree.ts";
import { anyTree, carriedOut, directory, everything, file, link, observed, tree } from "./support/worlds.ts";

const sortedByPath = (world: ReadonlyMap<string, ObservedEntry>): [string, ObservedEntry][] =>
  [...world].toSorted(([a], [b]) => (a < b ? -1 : 1));

const observedFromTree = (from: Tree): ObservedState => observedOf(from, "exact");

describe("a plan", () => {
  test("is empty where nothing differs", () => {
    const desired = tree([directory("a"), file("a/b", "1"), link("c", "a/b")]);
    expect(planRoot(observedFromTree(desired), desired, everything)).toEqual({
      entries: [],
      conflicts: [],
      foreign: [],
    });
  });

  test("leaves alone what kinsync never placed", () => {
    const plan = planRoot(observed([file("cache.db", "x"), directory("data")], []), tree([file("a", "1")]), everything);
    expect(plan.entries.map((entry) => [entry.op, entry.path])).toEqual([["file", "a"]]);
  });

  test("deletes the children before their folder, and what is no more after what is new", () => {
    const before = tree([directory("old"), file("old/a", "1"), directory("old/deep"), file("old/deep/b", "2")]);
    const plan = planRoot(observedFromTree(before), tree([directory("new"), file("new/a", "1")]), everything);
    expect(plan.entries.map((entry) => `${entry.op} ${entry.path}`)).toEqual([
      "directory new",
      "file new/a",
      "delete old/deep/b",
      "delete old/deep",
      "delete old/a",
      "delete old",
    ]);
  });

  test("does not delete what has become ignored", () => {
    const before = tree([file("a.log", "1"), file("b", "2")]);
    const plan = planRoot(observedFromTree(before), tree([]), {
      ...everything,
      isExcluded: (path) => path.endsWith(".log"),
    });
    expect(plan.entries).toEqual([{ op: "delete", path: "b", type: "file" }]);
  });

  test("with mirror deletes what is foreign, too", () => {
    const plan = planRoot(observed([file("cache.db", "x")], []), tree([]), { ...everything, mirror: true });
    expect(plan.entries).toEqual([{ op: "delete", path: "cache.db", type: "file" }]);
  });

  test("sends only the mode where only the mode differs", () => {
    const plan = planRoot(observed([file("run.sh", "1", 0o644)], []), tree([file("run.sh", "1", 0o755)]), everything);
    expect(plan.entries).toEqual([{ op: "chmod", path: "run.sh", mode: 0o755 }]);
  });

  test("leaves the mode of a folder that the image brought", () => {
    expect(planRoot(observed([directory("a", 0o775)], []), tree([directory("a", 0o755)]), everything).entries).toEqual(
      [],
    );
  });

  test("replaces a link that stands where the tree has a folder", () => {
    const plan = planRoot(observed([link("a", "/etc")], []), tree([directory("a"), file("a/b", "1")]), everything);
    expect(
      plan.entries.map((entry) => [entry.op, entry.path, "replaces" in entry ? entry.replaces : undefined]),
    ).toEqual([
      ["directory", "a", "link"],
      ["file", "a/b", undefined],
    ]);
  });

  test.each([
    ["a folder where a foreign file stands", [file("a", "x")], [directory("a"), file("a/b", "1")]],
    ["a file where a foreign folder stands", [directory("a")], [file("a", "1")]],
    ["a file where a folder of ours has foreign content", [directory("a"), file("a/foreign", "x")], [file("a", "1")]],
    ["a file where a device stands", [{ type: "other", path: "a" } as const], [file("a", "1")]],
  ])("names a conflict for %s", (_, there, desired) => {
    const ours = there.length > 1 ? ["a"] : [];
    expect(
      planRoot(observed(there, ours), tree(desired), everything).conflicts.map((conflict) => conflict.path),
    ).toEqual(["a"]);
  });
});

test("carried out, a plan between any two trees gives the second, and then there is nothing left to plan", () => {
  fc.assert(
    fc.property(anyTree, anyTree, (before, after) => {
      const start = observedFromTree(before);
      const plan = planRoot(start, after, everything);
      expect(plan.conflicts).toEqual([]);
      const world = carriedOut(new Map(start.entries), plan.entries);
      const expected = observedFromTree(after);
      expect(sortedByPath(world)).toEqual(sortedByPath(expected.entries));
      const known = observedAfter(start, plan.entries);
      expect(sortedByPath(known.entries)).toEqual(sortedByPath(world));
      expect(planRoot(known, after, everything).entries).toEqual([]);
    }),
  );
});

test("with foreign content anywhere, a plan without conflicts never removes it and still gives the tree", () => {
  fc.assert(
    fc.property(anyTree, anyTree, fc.func(fc.boolean()), (there, desired, isOurs) => {
      const start: ObservedState = {
        ...observedFromTree(there),
        ours: new Set([...there.entries.keys()].filter((path) => isOurs(path))),
      };
      const plan = planRoot(start, desired, everything);
      if (plan.conflicts.length > 0) return;
      const world = carriedOut(new Map(start.entries), plan.entries);
      for (const entry of desired.entries.values()) expect(world.get(entry.path)?.type).toBe(entry.type);
      for (const [path, entry] of start.entries) {
        if (start.ours.has(path) || entry.type !== "file" || desired.entries.has(path)) continue;
        expect(world.get(path)).toEqual(entry);
      }
    }),
  );
});
