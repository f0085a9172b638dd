import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BatchEntry } from "../../../src/contract/transport.ts";
import {
  observedAfter,
  observedFromTree,
  planRoot,
  type ObservedState,
  type ObservedEntry,
} from "../../../src/sync/plan/plan.ts";
import type { Tree, TreeEntry } from "../../../src/mapping/tree.ts";

type World = Map<string, ObservedEntry>;

const file = (path: string, digest: string, mode = 0o644): ObservedEntry & TreeEntry => ({
  type: "file",
  path,
  mode,
  size: digest.length,
  digest,
});
const directory = (path: string, mode = 0o755): ObservedEntry & TreeEntry => ({ type: "directory", path, mode });
const link = (path: string, target: string): ObservedEntry & TreeEntry => ({ type: "link", path, target });

function tree(entries: readonly TreeEntry[]): Tree {
  const sorted = entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return {
    shape: "directory",
    entries: new Map(sorted.map((entry) => [entry.path, entry])),
    digest: "",
    files: 0,
    bytes: 0,
  };
}

function observed(entries: readonly ObservedEntry[], ours: readonly string[]): ObservedState {
  return { entries: new Map(entries.map((entry) => [entry.path, entry])), ours: new Set(ours) };
}

/** Carries out a batch as a container would; a folder goes only when empty, and nothing is made where its folder is missing. */
function carriedOut(world: World, entries: readonly BatchEntry[]): World {
  const next = new Map(world);
  const children = (path: string): string[] => [...next.keys()].filter((key) => key.startsWith(`${path}/`));
  for (const entry of entries) {
    const there = next.get(entry.path);
    const parent = entry.path.includes("/") ? entry.path.slice(0, entry.path.lastIndexOf("/")) : undefined;
    if (entry.op === "delete") {
      if (there?.type === "directory" && children(entry.path).length > 0) continue;
      next.delete(entry.path);
      continue;
    }
    if (parent !== undefined && next.get(parent)?.type !== "directory")
      throw new Error(`${entry.path}: no folder ${parent}`);
    if (entry.op === "chmod") {
      if (there === undefined || there.type === "link" || there.type === "other")
        throw new Error(`chmod ${entry.path}`);
      next.set(entry.path, { ...there, mode: entry.mode });
      continue;
    }
    if (there?.type === "directory" && children(entry.path).length > 0 && entry.op !== "directory") {
      throw new Error(`${entry.path}: directory not empty`);
    }
    if (there !== undefined && there.type !== (entry.op as string) && entry.replaces !== there.type) {
      throw new Error(`${entry.path}: ${there.type} in the way of ${entry.op}`);
    }
    next.set(
      entry.path,
      entry.op === "file"
        ? { type: "file", path: entry.path, mode: entry.mode, size: entry.size, digest: entry.digest }
        : entry.op === "link"
          ? { type: "link", path: entry.path, target: entry.target }
          : { type: "directory", path: entry.path, mode: entry.mode },
    );
  }
  return next;
}

const sortedByPath = (world: ReadonlyMap<string, ObservedEntry>): [string, ObservedEntry][] =>
  [...world].toSorted(([a], [b]) => (a < b ? -1 : 1));

const everything = { modes: true, mirror: false, isExcluded: () => false };

describe("a plan", () => {
  test("is empty where nothing differs", () => {
    const desired = tree([directory("a"), file("a/b", "1"), link("c", "a/b")]);
    expect(planRoot(observedFromTree(desired), desired, everything)).toEqual({ entries: [], conflicts: [] });
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
      modes: true,
      mirror: false,
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

const names = ["a", "b", "a-b", "ü", "x y"];
const anyPath = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const anyEntry = fc.record({
  path: anyPath,
  kind: fc.constantFrom("file", "directory", "link"),
  value: fc.constantFrom("1", "22", "333"),
  mode: fc.constantFrom(0o644, 0o755),
});

/** Some entries, with every missing parent made a folder and nothing below a file or a link. */
const anyTree = fc.array(anyEntry, { maxLength: 12 }).map((drafts) => {
  const entries = new Map<string, ObservedEntry & TreeEntry>();
  for (const { path, kind, value, mode } of drafts) {
    const parts = path.split("/");
    const parents = parts.slice(1).map((_, depth) => parts.slice(0, depth + 1).join("/"));
    if (parents.some((parent) => entries.has(parent) && entries.get(parent)?.type !== "directory")) continue;
    if (entries.has(path)) continue;
    for (const parent of parents) if (!entries.has(parent)) entries.set(parent, directory(parent));
    entries.set(
      path,
      kind === "file" ? file(path, value, mode) : kind === "link" ? link(path, value) : directory(path),
    );
  }
  return tree([...entries.values()]);
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
      const known = observedAfter(start, after, plan.entries);
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
