import fc from "fast-check";
import { expect, test } from "vitest";
import {
  comparePaths,
  createTree,
  diffTrees,
  isAtOrBelow,
  projectTree,
  treeDigest,
  updateTree,
  type TreeEntry,
} from "../../src/mapping/tree.ts";

const anyName = fc
  .oneof(
    fc.constantFrom("a", "b", "a-b", "a.b", "\uffff", "\u{1f600}", "é", " ", "-n", "x\ny"),
    fc.string({ minLength: 1, maxLength: 3, unit: "grapheme" }),
  )
  .filter((name) => !/[/\0]/.test(name) && name.isWellFormed());
const anyPath = fc.array(anyName, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const anyMode = fc.constantFrom(0o644, 0o755, 0o600);
const anyEntry: fc.Arbitrary<TreeEntry> = fc.oneof(
  fc.record({ path: anyPath, mode: anyMode, digest: fc.constantFrom("d1", "d2") }).map(({ path, mode, digest }) => ({
    type: "file" as const,
    path,
    mode,
    digest,
    size: digest.length,
  })),
  fc.record({ path: anyPath, mode: anyMode }).map((entry) => ({ type: "directory" as const, ...entry })),
  fc
    .record({ path: anyPath, target: fc.constantFrom("x", "../y") })
    .map((entry) => ({ type: "link" as const, ...entry })),
);

function file(path: string, digest = "d1"): TreeEntry {
  return { type: "file", path, mode: 0o644, size: 3, digest };
}

test("paths are ordered as their UTF-8 bytes are", () => {
  fc.assert(
    fc.property(anyPath, anyPath, (a, b) => {
      expect(Math.sign(comparePaths(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test("a tree is the same whatever the order of its entries", () => {
  fc.assert(
    fc.property(fc.uniqueArray(anyEntry, { selector: (entry) => entry.path }), (entries) => {
      const one = createTree("directory", entries);
      const other = createTree("directory", entries.toReversed());
      expect([...other.entries.keys()]).toEqual([...one.entries.keys()]);
      expect([...one.entries.keys()]).toEqual([...one.entries.keys()].sort(comparePaths));
      expect(other.digest).toBe(one.digest);
      expect(treeDigest(one.entries.values())).toBe(one.digest);
    }),
  );
});

test("two trees have equal digests exactly if their entries are equal", () => {
  const entries = fc.uniqueArray(anyEntry, { selector: (entry) => entry.path, maxLength: 4 });
  fc.assert(
    fc.property(entries, entries, (left, right) => {
      const a = createTree("directory", left);
      const b = createTree("directory", right);
      expect(a.digest === b.digest).toBe(JSON.stringify([...a.entries]) === JSON.stringify([...b.entries]));
    }),
    { numRuns: 300 },
  );
});

test("an updated tree equals a newly made one, after any number of changes", () => {
  const step = fc.array(fc.tuple(anyEntry, fc.boolean()), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(anyEntry, { maxLength: 8 }), fc.array(step, { maxLength: 4 }), (start, steps) => {
      let tree = createTree("directory", start);
      const entries = new Map(tree.entries);
      for (const changes of steps) {
        const change = new Map(changes.map(([entry, isThere]) => [entry.path, isThere ? entry : undefined]));
        for (const [path, entry] of change) {
          if (entry === undefined) entries.delete(path);
          else entries.set(path, entry);
        }
        const before = tree;
        tree = updateTree(tree, change);
        const fresh = createTree("directory", entries.values());
        expect([...tree.entries]).toEqual([...fresh.entries]);
        expect({ ...tree, entries: 0 }).toEqual({ ...fresh, entries: 0 });
        expect(diffTrees(before, tree)).toEqual(
          [...new Set([...before.entries.keys(), ...fresh.entries.keys()])]
            .filter((path) => JSON.stringify(before.entries.get(path)) !== JSON.stringify(fresh.entries.get(path)))
            .sort(comparePaths),
        );
      }
    }),
  );
});

test("the digest does not depend on the order in which changes arrive", () => {
  const entries = fc.uniqueArray(anyEntry, { selector: (entry) => entry.path, maxLength: 8 });
  const changes = fc.uniqueArray(fc.tuple(anyEntry, fc.boolean()), { selector: ([entry]) => entry.path, maxLength: 8 });
  fc.assert(
    fc.property(entries, changes, fc.nat(), (start, all, seed) => {
      const before = createTree("directory", start);
      const steps = all.map(([entry, isThere]) => [entry.path, isThere ? entry : undefined] as const);
      const rotation = seed % (steps.length + 1);
      const other = [...steps.slice(rotation), ...steps.slice(0, rotation)].toReversed();
      const oneByOne = other.reduce((tree, step) => updateTree(tree, new Map([step])), before);
      expect(oneByOne.digest).toBe(updateTree(before, new Map(steps)).digest);
    }),
    { numRuns: 300 },
  );
});

test("a change without effect returns the same tree object", () => {
  const tree = createTree("directory", [file("a"), file("b")]);
  expect(
    updateTree(
      tree,
      new Map([
        ["a", file("a")],
        ["gone", undefined],
      ]),
    ),
  ).toBe(tree);
  expect(projectTree(tree, ["c", "a/b"])).toBe(tree);
});

test("a projection removes the paths and everything below them, and nothing else", () => {
  const tree = createTree("directory", [
    file("a/b"),
    file("a/b-c"),
    file("a-b"),
    file("c/d/e"),
    file("c/d"),
    file("e"),
  ]);
  expect([...projectTree(tree, ["a/b", "c/d"]).entries.keys()]).toEqual(["a-b", "a/b-c", "e"]);
  expect(projectTree(tree, [""]).entries.size).toBe(0);
  expect(projectTree(tree, ["e"]).files).toBe(5);
});

test("a projection has the digest of a tree that never had the paths", () => {
  fc.assert(
    fc.property(fc.array(anyEntry, { maxLength: 8 }), fc.array(anyPath, { maxLength: 3 }), (entries, excluded) => {
      const roots = new Set(excluded);
      const fresh = createTree(
        "directory",
        entries.filter((entry) => !isAtOrBelow(entry.path, roots)),
      );
      expect(projectTree(createTree("directory", entries), excluded).digest).toBe(fresh.digest);
    }),
  );
});

test("without an earlier tree every path is new", () => {
  expect(diffTrees(undefined, createTree("directory", [file("b"), file("a")]))).toEqual(["a", "b"]);
});
