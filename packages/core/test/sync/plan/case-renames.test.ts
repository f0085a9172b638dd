import { describe, expect, test } from "vitest";
import type { BatchEntry } from "../../../src/contract/transport.ts";
import { Ledger } from "../../../src/sync/plan/ledger.ts";
import { planRoot } from "../../../src/sync/plan/plan.ts";
import { observedFromTree } from "../../../src/sync/plan/observed.ts";
import { directory, everything, file, observed, tree } from "./support/worlds.ts";

const texts = (entries: readonly BatchEntry[]): string[] => entries.map(({ op, path }) => `${op} ${path}`);

describe("a rename that changes only case or Unicode form", () => {
  test.each([
    ["case", "A.txt", "a.txt"],
    ["Unicode form", "n\u0303.txt", "\u00F1.txt"],
    ["a letter with two small forms", "\u03C2", "\u03C3"],
  ])("of a file deletes before it creates: %s", (_, before, after) => {
    const plan = planRoot(observedFromTree(tree([file(before, "1")]), "exact"), tree([file(after, "1")]), everything);
    expect(texts(plan.entries)).toEqual([`delete ${before}`, `file ${after}`]);
  });

  test("of a folder deletes all of its content before it creates", () => {
    const before = tree([directory("Lib"), file("Lib/a", "1"), file("Lib/gone", "2"), file("other", "3")]);
    const after = tree([directory("lib"), file("lib/a", "1")]);
    const plan = planRoot(observedFromTree(before, "exact"), after, everything);
    expect(texts(plan.entries)).toEqual([
      "delete Lib/gone",
      "delete Lib/a",
      "delete Lib",
      "directory lib",
      "file lib/a",
      "delete other",
    ]);
  });

  test("between runs sends the file again, since both names may be one file", () => {
    // A file system without case answers for both names.
    const inventory = { root: "directory" as const, entries: [file("foo", "1"), file("Foo", "1")], placed: ["foo"] };
    const desired = tree([file("Foo", "1")]);
    const ledger = Ledger.fromInventory(inventory, desired, { distrust: false, modes: "portable" });
    const plan = ledger.plan(desired, { mirror: false, only: undefined, isExcluded: () => false });
    expect(texts(plan.entries)).toEqual(["delete foo", "file Foo"]);
    expect(plan.entries[1]).toMatchObject({ replaces: "file" });
    ledger.committed(desired, plan.entries);
    expect(ledger.plan(desired, { mirror: false, only: undefined, isExcluded: () => false }).entries).toEqual([]);
  });

  test("between runs keeps a folder whose other name is deleted", () => {
    const entries = [directory("Lib"), directory("lib"), file("Lib/a", "1"), file("lib/a", "1")];
    const desired = tree([directory("lib"), file("lib/a", "1")]);
    const plan = planRoot(observed(entries, ["Lib", "Lib/a", "lib", "lib/a"]), desired, everything);
    expect(texts(plan.entries)).toEqual(["delete Lib/a", "file lib/a"]);
  });

  test("does not send again what differs by case from an ignored file", () => {
    const world = observed([file("readme", "1"), file("README", "2")], ["README"]);
    const plan = planRoot(world, tree([file("README", "2")]), {
      ...everything,
      mirror: true,
      isExcluded: (path) => path === "readme",
    });
    expect(plan.entries).toEqual([]);
  });
});
